// What the token's readers do before and after signatures, without making or checking one, so that a run takes
// microseconds: no chain crashes them, what they accept keeps its bounds, and it is written back as it was read.
// An input of one line is a credential as it is received, or a list of caveats; one of several lines is what decoding
// leaves of a chain, headers and payloads in turn, so that new inputs are not lost in base64url.
#include <algorithm>
#include <string>
#include <tuple>

#include "base/invariant.h"
#include "token/enrolment.h"
#include "token/proof.h"
#include "token/session_proof.h"
#include "token/verify.h"

namespace cadastre {
namespace {

constexpr std::size_t links_max = 8;
constexpr std::int64_t date_max = 9'007'199'254'740'991;

bool is_date(std::int64_t number) { return number >= 0 && number <= date_max; }

std::string text_of(const json::Value& value) {
  const auto text = json::canonical(value);
  CHECK_INVARIANT(text.has_value());
  return *text;
}

/// A header has one form for each spelling of the algorithm.
void check_header(std::string_view text, const JwsHeader& header, ObjectKind kind) {
  const auto form = [&](AlgorithmName algorithm) {
    std::string expected;
    json::Object object(expected);
    object.field("alg", name_of(algorithm));
    if (kind == ObjectKind::proof || kind == ObjectKind::enrolment) append_jwk(object.key("jwk"), header.jwk);
    if (kind == ObjectKind::capability) object.field("kid", header.kid);
    object.field("typ", name_of(kind)).end();
    return expected;
  };
  const std::string read = text_of(*decode_object(text));
  CHECK_INVARIANT(read == form(AlgorithmName::eddsa) || read == form(AlgorithmName::ed25519));
}

/// A request that the rooms beyond would make of the caveat's own words: a list allows what stands in it.
void check_caveat(const Caveat& caveat) {
  CHECK_INVARIANT(is_counted(caveat.kind) == caveat.values.empty());
  CHECK_INVARIANT(caveat.number >= 0 && caveat.number <= 1'000'000'000);
  for (const std::string& value : caveat.values) {
    const TokenUse use{.method = value, .path = value, .operation = value, .resource = value, .peer = "192.0.2.1"};
    CHECK_INVARIANT(caveat.kind == CaveatKind::ip ? is_network(value) : allows(caveat, use));
    static_cast<void>(allows(caveat, use));
  }
}

/// The canonical text of caveats that hold; nothing when they do not.
std::optional<std::string> read_caveats(const json::Value& cav) {
  const auto caveats = decode_caveats(cav, 0);
  if (!caveats) return std::nullopt;
  CHECK_INVARIANT(caveats->size() <= caveats_per_element_max);
  std::ranges::for_each(*caveats, check_caveat);
  const std::string text = encode_caveats(*caveats);
  CHECK_INVARIANT(caveats->empty() ? text.empty() : text == text_of(cav));
  const auto again = parse_caveats(text, 0);
  CHECK_INVARIANT(again.has_value() && *again == *caveats);
  return text;
}

void check_bounds(const ReceivedClaims& claims) {
  CHECK_INVARIANT(is_jti(claims.id, chosen_jti_bytes_max));
  CHECK_INVARIANT(claims.device.size() <= 63 && claims.ancestors.size() <= ancestors_max);
  CHECK_INVARIANT(is_date(claims.issued_at_s) && is_date(claims.expires_at_s) && is_date(claims.generation));
  CHECK_INVARIANT(is_date(claims.depth) && is_date(claims.not_before_s.value_or(0)));
  CHECK_INVARIANT(0 <= claims.delegable_depth.value_or(0) && claims.delegable_depth.value_or(0) <= delegable_depth_max);
}

/// The parts of claims that are strict enough to be said again.
struct Meaning {
  Scope scope;
  TenantId tenant = TenantId::platform();
  PublicKey subject{};
  std::string caveats;
};

std::optional<Meaning> meaning_of(const ReceivedClaims& claims) {
  const auto caveats = claims.caveats ? read_caveats(*claims.caveats) : std::string();
  const auto scope = Scope::parse_canonical(claims.scope);
  const auto tenant = claims.tenant ? TenantId::parse(*claims.tenant) : TenantId::platform();
  const json::Value* const jwk = claims.confirmation.find("jwk");
  if (!caveats || !scope || !tenant || jwk == nullptr) return std::nullopt;
  const auto subject = decode_jwk(*jwk);
  if (!subject) return std::nullopt;
  return Meaning{*scope, *tenant, *subject, *caveats};
}

/// What both kinds of elements say, but for `iss` and `sub`, which follow from keys when they are written.
auto said_by(const ReceivedClaims& claims) {
  return std::tuple(claims.audience, claims.parent_hash, claims.scope, claims.id, claims.device, claims.tenant,
                    claims.issued_at_s, claims.expires_at_s, claims.generation, claims.depth, claims.requires_pop,
                    claims.ancestors);
}

void write_capability_again(const ReceivedClaims& read, const Meaning& meaning) {
  const auto id = exactly<16>(*decode_base64url(read.id));
  CHECK_INVARIANT(id.has_value());
  const std::string text = encode_claims({.issuer = read.issuer,
                                          .audience = read.audience,
                                          .tenant = meaning.tenant,
                                          .id = *id,
                                          .scope = meaning.scope,
                                          .subject = meaning.subject,
                                          .generation = read.generation,
                                          .issued_at_s = read.issued_at_s,
                                          .not_before_s = read.not_before_s.value_or(read.issued_at_s),
                                          .expires_at_s = read.expires_at_s,
                                          .delegable_depth = read.delegable_depth.value_or(0),
                                          .requires_pop = read.requires_pop,
                                          .caveats = meaning.caveats,
                                          .ancestors = read.ancestors,
                                          .device = read.device});
  const auto again = decode_claims(text, ObjectKind::capability);
  CHECK_INVARIANT(again.has_value() && said_by(*again) == said_by(read) && again->issuer == read.issuer);
  CHECK_INVARIANT(again->not_before_s.value_or(again->issued_at_s) == read.not_before_s.value_or(read.issued_at_s));
  CHECK_INVARIANT(again->delegable_depth.value_or(0) == read.delegable_depth.value_or(0));
}

void write_link_again(const ReceivedClaims& read, const Meaning& meaning) {
  const auto id = exactly<16>(*decode_base64url(read.id));
  const auto parent = decode_digest(read.parent_hash);
  if (!id || !parent) return;  // of a longer jti, or one that hangs below nothing
  const std::string text = encode_link_claims({.parent = *parent,
                                               .depth = read.depth,
                                               .id = *id,
                                               .scope = meaning.scope,
                                               .subject = meaning.subject,
                                               .tenant = read.tenant ? std::optional(meaning.tenant) : std::nullopt,
                                               .issued_at_s = read.issued_at_s,
                                               .not_before_s = read.not_before_s,
                                               .expires_at_s = read.expires_at_s,
                                               .delegable_depth = read.delegable_depth,
                                               .requires_pop = read.requires_pop,
                                               .caveats = meaning.caveats},
                                              meaning.subject);
  const auto again = decode_claims(text, ObjectKind::link);
  CHECK_INVARIANT(again.has_value() && said_by(*again) == said_by(read));
  CHECK_INVARIANT(again->not_before_s == read.not_before_s && again->delegable_depth == read.delegable_depth);
}

/// Whether the payload has a meaning, which then could be written again and read as the same.
bool is_said_again(std::string_view payload, ObjectKind kind) {
  const auto claims = decode_claims(payload, kind);
  if (!claims) return false;
  check_bounds(*claims);
  const auto meaning = meaning_of(*claims);
  if (!meaning) return false;
  if (kind == ObjectKind::link) {
    write_link_again(*claims, *meaning);
  } else {
    write_capability_again(*claims, *meaning);
  }
  return true;
}

void read_proof_claims(std::string_view payload) {
  const auto claims = decode_proof_claims(payload);
  if (!claims) return;
  CHECK_INVARIANT(is_date(claims->issued_at_s));
  CHECK_INVARIANT(!claims->method.empty() && !claims->credential_hash.empty() && !claims->id.empty());
  if (const auto normal = normal_url(claims->url)) CHECK_INVARIANT(normal_url(*normal) == normal);
}

void read_session_proof(std::string_view element) {
  const auto proof = decode_session_proof(element);
  if (!proof) return;
  std::string text;
  json::Object(text)
      .field("aud", proof->audience)
      .field("nonce", encode_base64url(proof->nonce))
      .field("rid", encode_base64url(proof->rid))
      .end();
  json::Value payload = *decode_object(proof->jws.payload);
  std::erase_if(payload.members,
                [](const json::Member& member) { return member.name == "iat" || member.name == "jti"; });
  CHECK_INVARIANT(text_of(payload) == text);
}

void read_enrolment_claims(std::string_view payload) {
  const auto claims = decode_enrolment_claims(payload);
  if (!claims) return;
  CHECK_INVARIANT(is_date(claims->issued_at_s));
  std::string text;
  json::Object(text)
      .field("aud", claims->audience)
      .field("device_id", claims->device)
      .field("iat", claims->issued_at_s)
      .field("nonce", encode_base64url(claims->nonce))
      .field("tid", claims->tenant)
      .end();
  json::Value object = *decode_object(payload);
  std::erase_if(object.members, [](const json::Member& member) { return member.name == "jti"; });
  CHECK_INVARIANT(text_of(object) == text);
}

std::string as_element(std::string_view header, std::string_view payload) {
  return encode_base64url(as_bytes(header)) + "." + encode_base64url(as_bytes(payload)) + "." +
         encode_base64url(Signature{});
}

/// A root alone, as the one who narrows it reads it: all that is asked of it but its issuer.
void read_root(std::string_view root) {
  static const VerifierRules rules{.links_max = links_max};
  static AdmittedKeys admitted;
  constexpr std::int64_t now_s = 1'800'000'000;  // of the vectors
  const auto chain = read_chain(root, rules, admitted, instant_from_s(now_s));
  if (!chain) return;
  const VerifiedToken& token = chain->says;
  CHECK_INVARIANT(token.elements == 1 && token.links.empty() && token.key_thumbprints.size() == 1);
  CHECK_INVARIANT(token.rids.size() <= 1 + ancestors_max && token.caveats.size() <= caveats_per_element_max);
  CHECK_INVARIANT(token.expires_at_s > now_s && token.expires_at_s - token.issued_at_s <= rules.lifetime_max.count());
  CHECK_INVARIANT(token.tenant.has_value() != (token.scope == Scope::platform_admin()));
}

/// What the header says to be, in plain letters; a capability when it says nothing.
ObjectKind kind_of(std::string_view header) {
  for (const ObjectKind kind :
       {ObjectKind::link, ObjectKind::proof, ObjectKind::session_proof, ObjectKind::enrolment}) {
    if (header.find(name_of(kind)) != std::string_view::npos) return kind;
  }
  return ObjectKind::capability;
}

/// One element, decoded, with the bounds that decoding gave it.
void read_parts(std::string_view header_text, std::string_view payload) {
  const ObjectKind kind = kind_of(header_text);
  const auto header = decode_header(header_text, kind);
  if (!header) return;
  check_header(header_text, *header, kind);
  switch (kind) {
    case ObjectKind::capability:
      if (is_said_again(payload, kind)) read_root(as_element(header_text, payload));
      return;
    case ObjectKind::link: static_cast<void>(is_said_again(payload, kind)); return;
    case ObjectKind::proof: return read_proof_claims(payload);
    case ObjectKind::session_proof: return read_session_proof(as_element(header_text, payload));
    case ObjectKind::enrolment: return read_enrolment_claims(payload);
  }
}

void read_element(std::string_view element) {
  const auto jws = decode_jws(element);
  if (!jws) return;
  CHECK_INVARIANT(element.size() <= element_chars_max);
  CHECK_INVARIANT(jws->header.size() <= header_bytes_max && jws->payload.size() <= payload_bytes_max);
  const std::string signing_input =
      encode_base64url(as_bytes(jws->header)) + "." + encode_base64url(as_bytes(jws->payload));
  CHECK_INVARIANT(jws->signing_input == signing_input);  // no two texts say the same
  CHECK_INVARIANT(signing_input + "." + encode_base64url(jws->signature) == element);
  read_parts(jws->header, jws->payload);
}

/// The text as the credential of a request.
void read_credential(std::string_view text) {
  const std::string field = "Bearer " + std::string(text);
  const std::string_view fields[] = {field};
  const auto presented = decode_authorization(fields, {});
  CHECK_INVARIANT(!presented || presented->credential == text.substr(text.find_first_not_of(' ')));
  const auto elements = split_chain(text, links_max);
  if (!elements) return;
  CHECK_INVARIANT(text.size() <= credential_bytes_max && elements->size() <= links_max + 1);
  std::string joined;
  for (const std::string_view element : *elements) {
    CHECK_INVARIANT(!element.empty());
    if (!joined.empty()) joined += '~';
    joined += element;
    read_element(element);
  }
  CHECK_INVARIANT(joined == text);
}

std::string_view take_line(std::string_view& text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(line.size() + 1, text.size()));
  return line;
}

/// The lines, in pairs of a header and a payload, as what decoding gave.
void read_lines(std::string_view text) {
  for (std::size_t elements = 0; elements <= links_max && !text.empty(); ++elements) {
    const std::string_view header = take_line(text);
    const std::string_view payload = take_line(text);
    if (header.size() <= header_bytes_max && payload.size() <= payload_bytes_max) read_parts(header, payload);
  }
}

}  // namespace
}  // namespace cadastre

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace cadastre;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (text.find('\n') == std::string_view::npos) {
    read_credential(text);
    if (const auto value = json::parse(text, 3).value) static_cast<void>(read_caveats(*value));
  } else {
    read_lines(text);
  }
  return 0;
}
