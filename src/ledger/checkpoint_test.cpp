#include "ledger/checkpoint.h"

#include <doctest/doctest.h>

#include "ledger/log_key.h"
#include "ledger/tlog_proof.h"

namespace cadastre::ledger {
namespace {

PrivateKey key_for(std::string_view origin) { return log_key(Bytes<32>{42}, origin, 0); }

constexpr std::string_view origin = "ledger.example/ledger/acme-corp";

}  // namespace

TEST_CASE("the specification's checkpoint body is read and written unchanged") {
  const std::string text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
  const auto checkpoint = parse_checkpoint(text);
  REQUIRE(checkpoint);
  CHECK(checkpoint->origin == "example.com/behind-the-sofa");
  CHECK(checkpoint->size == 20852163);
  CHECK(encode_checkpoint(*checkpoint) == text);
  const auto extended = parse_checkpoint(text + "more\nand more\n");
  REQUIRE(extended);
  CHECK(extended->extensions == std::vector<std::string>{"more", "and more"});
  CHECK(encode_checkpoint(*extended) == text + "more\nand more\n");
}

TEST_CASE("any other checkpoint body is refused") {
  const std::string root = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
  const std::string bad[] = {"",
                             "o",
                             "o\n",
                             "o\n1\n",
                             "\n1\n" + root,
                             "o\n\n" + root,
                             "o\n01\n" + root,
                             "o\n-1\n" + root,
                             "o\n+1\n" + root,
                             "o\n1 \n" + root,
                             "o\n0x1\n" + root,
                             "o\n18446744073709551616\n" + root,
                             "o\n1\n" + root.substr(0, root.size() - 1),
                             "o\n1\nAAAA\n",
                             "o\n1\n" + root + "\n",
                             "o\n1\n" + root + "extension",
                             "o\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2J=\n"};
  for (const std::string& text : bad) {
    CAPTURE(text);
    CHECK_FALSE(parse_checkpoint(text));
  }
  CHECK(parse_checkpoint("o\n18446744073709551615\n" + root).value().size == UINT64_MAX);
  CHECK(parse_checkpoint("o\n0\n" + root).has_value());
}

TEST_CASE("a checkpoint opens under its own log's key only") {
  const PrivateKey key = key_for(origin);
  const Checkpoint checkpoint{std::string(origin), 7, empty_root()};
  const std::string note = sign_checkpoint(checkpoint, key);
  const VerifierKey verifier = log_verifier(origin, key);
  CHECK(open_checkpoint(note, verifier).value() == checkpoint);
  CHECK_FALSE(open_checkpoint(note, log_verifier("ledger.example/ledger/other", key)));
  CHECK_FALSE(open_checkpoint(note, log_verifier(origin, key_for("ledger.example/ledger/other"))));
  const Checkpoint foreign{"ledger.example/ledger/other", 7, empty_root()};
  CHECK_FALSE(open_checkpoint(sign_note(encode_checkpoint(foreign), origin, key), verifier));
}

TEST_CASE("each log and each epoch has a key of its own, always the same") {
  const TenantId tenant = TenantId::parse("acme-corp").value();
  CHECK(log_origin("ledger.example", tenant) == origin);
  CHECK(log_origin("ledger.example", TenantId::platform()) == "ledger.example/ledger");
  const PublicKey key = key_for(origin).public_key();
  CHECK(key_for(origin).public_key() == key);
  CHECK(key_for("ledger.example/ledger").public_key() != key);
  CHECK(log_key(Bytes<32>{42}, origin, 1).public_key() != key);
  CHECK(log_key(Bytes<32>{43}, origin, 0).public_key() != key);
  CHECK(log_key(Bytes<32>{42}, "a", 10).public_key() != log_key(Bytes<32>{42}, "a1", 0).public_key());
}

TEST_CASE("a proof of an entry is read back and holds for that entry only") {
  const std::vector<std::string> entries = {"zero", "one", "two", "three", "four"};
  std::vector<Hash> leaves;
  Frontier frontier;
  for (const auto& entry : entries) {
    leaves.push_back(leaf_hash(as_bytes(entry)));
    frontier.append(leaves.back());
  }
  const auto reader = [&](NodeId id) -> std::optional<Hash> {
    Frontier part;
    for (std::uint64_t i = id.index << id.level; i < (id.index + 1) << id.level; ++i) part.append(leaves[i]);
    return part.root();
  };
  const PrivateKey key = key_for(origin);
  const VerifierKey verifier = log_verifier(origin, key);
  const std::string note = sign_checkpoint({std::string(origin), entries.size(), frontier.root()}, key);
  for (std::size_t index = 0; index < entries.size(); ++index) {
    CAPTURE(index);
    const TlogProof made{entries[index], index, inclusion_proof(index, entries.size(), reader).value(), note};
    const auto proof = parse_proof(encode_proof(made));
    REQUIRE(proof);
    CHECK(encode_proof(*proof) == encode_proof(made));
    CHECK(proof->extra == entries[index]);
    CHECK(verify_proof(*proof, *proof->extra, verifier).value().size == entries.size());
    CHECK_FALSE(verify_proof(*proof, "another", verifier));
    CHECK_FALSE(verify_proof(*proof, entries[index], log_verifier("other", key)));
    TlogProof moved = *proof;
    moved.index = (index + 1) % entries.size();
    CHECK_FALSE(verify_proof(moved, entries[index], verifier));
  }
}

TEST_CASE("a proof file of any other form is refused") {
  const std::string head = "c2sp.org/tlog-proof@v1\n";
  const std::string hash = encode_base64(empty_root()) + "\n";
  CHECK(parse_proof(head + "index 0\n\nnote").has_value());
  CHECK(parse_proof(head + "extra \nindex 10\n" + hash + hash + "\nnote").value().extra == "");
  const std::string bad[] = {"",
                             head,
                             "c2sp.org/tlog-proof@v2\nindex 0\n\nnote",
                             head + "index 00\n\nnote",
                             head + "index \n\nnote",
                             head + "index -1\n\nnote",
                             head + "index 18446744073709551616\n\nnote",
                             head + "Index 0\n\nnote",
                             head + "index 0\n",
                             head + "index 0\n\n",
                             head + "index 0\n" + hash + "note",
                             head + "index 0\nAAAA\n\nnote",
                             head + "index 0\n" + hash.substr(1) + "\nnote",
                             head + "extra ?\nindex 0\n\nnote",
                             head + "extra AA\nindex 0\n\nnote",
                             head + "extra AA==\nextra AA==\nindex 0\n\nnote"};
  for (const std::string& text : bad) {
    CAPTURE(text);
    CHECK_FALSE(parse_proof(text));
  }
  std::string tall = head + "index 0\n";
  for (int i = 0; i < 65; ++i) tall += hash;
  CHECK_FALSE(parse_proof(tall + "\nnote"));
}

}  // namespace cadastre::ledger
