// Which lines are public SSH keys, and why others are not.
#include "domain/ssh_key.h"

#include <doctest/doctest.h>

#include "base/bytes.h"

namespace cadastre {
namespace {

using namespace std::string_literals;

/// A field as SSH sends it.
std::string field(const std::string& bytes) {
  std::string out;
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(bytes.size() >> static_cast<unsigned>(shift));
  return out + bytes;
}

std::string line(const std::string& type, const std::string& fields) {
  return type + " " + encode_base64(as_bytes(field(type) + fields));
}

std::string point(std::size_t coordinate_bytes) { return field("\x04" + std::string(2 * coordinate_bytes, 'x')); }

std::string rsa(std::size_t bits) {
  std::string modulus(bits / 8, '\x7f');
  if (bits % 8 == 0) modulus = "\0"s + "\xff" + modulus.substr(1);
  return field("\x01\0\x01"s) + field(modulus);
}

const std::string ed25519 = line("ssh-ed25519", field(std::string(32, 'k')));

TEST_CASE("a line is a public key of one of OpenSSH's types, or is refused for its reason") {
  struct Row {
    std::string name, line, outcome;  // the comment, or why not in brackets
  };
  const Row rows[] = {
      {"without a comment", ed25519, ""},
      {"with one", ed25519 + " rios@example", "rios@example"},
      {"with one of several words", ed25519 + " Ana Rios,  laptop", "Ana Rios,  laptop"},
      {"by ssh-keygen 9.2", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIaVCl7lI3iIg6SD6YsP5p5Fd0vHGuAoR3gPF1YB5tG9 r", "r"},
      {"of NIST P-256", line("ecdsa-sha2-nistp256", field("nistp256") + point(32)), ""},
      {"of NIST P-384", line("ecdsa-sha2-nistp384", field("nistp384") + point(48)), ""},
      {"of NIST P-521", line("ecdsa-sha2-nistp521", field("nistp521") + point(66)), ""},
      {"of RSA, 2048 bits", line("ssh-rsa", rsa(2048)), ""},
      {"of RSA, 16384 bits", line("ssh-rsa", rsa(16384)), ""},
      {"of a security key", line("sk-ssh-ed25519@openssh.com", field(std::string(32, 'k')) + field("ssh:")), ""},
      {"of an older one", line("sk-ecdsa-sha2-nistp256@openssh.com", field("nistp256") + point(32) + field("ssh:")),
       ""},
      {"the longest comment", ed25519 + " " + std::string(200, 'c'), std::string(200, 'c')},

      {"nothing", "", "[key_type]"},
      {"of DSA", line("ssh-dss", ""), "[key_type]"},
      {"a certificate", line("ssh-ed25519-cert-v01@openssh.com", ""), "[key_type]"},
      {"options", "no-pty " + ed25519, "[key_type]"},
      {"a command", "command=\"rm -rf /\" " + ed25519, "[key_type]"},
      {"a blank before it", " " + ed25519, "[key_type]"},
      {"a type alone", "ssh-ed25519", "[encoding]"},
      {"a type in upper case", "SSH-ED25519" + ed25519.substr(11), "[key_type]"},
      {"two blanks", "ssh-ed25519  " + ed25519.substr(12), "[encoding]"},
      {"a blank at the end", ed25519 + " ", "[encoding]"},
      {"a line end", ed25519 + "\n", "[encoding]"},
      {"a second line", ed25519 + "\nssh-rsa AAAA", "[encoding]"},
      {"a tab", ed25519 + "\tx", "[encoding]"},
      {"a NUL", ed25519 + " \0"s, "[encoding]"},
      {"a letter that is not ASCII", ed25519 + " Ríos", "[encoding]"},
      {"a longer comment", ed25519 + " " + std::string(201, 'c'), "[encoding]"},
      {"base64 of the URL alphabet", "ssh-ed25519 AAAA-_AA", "[encoding]"},
      {"a type that is another inside", "ssh-rsa " + ed25519.substr(12), "[encoding]"},
      {"a key too short", line("ssh-ed25519", field(std::string(31, 'k'))), "[encoding]"},
      {"more after the key", line("ssh-ed25519", field(std::string(32, 'k')) + "x"), "[encoding]"},
      {"a field longer than the rest", line("ssh-ed25519", "\0\0\0\xff"s + "k"), "[encoding]"},
      {"another curve", line("ecdsa-sha2-nistp256", field("nistp384") + point(48)), "[encoding]"},
      {"a compressed point", line("ecdsa-sha2-nistp256", field("nistp256") + field("\x02" + std::string(64, 'x'))),
       "[encoding]"},
      {"a security key for nothing", line("sk-ssh-ed25519@openssh.com", field(std::string(32, 'k')) + field("")),
       "[encoding]"},
      {"of RSA, 2047 bits", line("ssh-rsa", field("\x01\0\x01"s) + field("\x7f" + std::string(255, 'x'))),
       "[weak_key]"},
      {"of RSA, 1024 bits", line("ssh-rsa", rsa(1024)), "[weak_key]"},
      {"of RSA, more than OpenSSH takes", line("ssh-rsa", field("\x03") + field("\x01" + std::string(2048, 'x'))),
       "[weak_key]"},
      {"of RSA, padded", line("ssh-rsa", field("\x03") + field("\0"s + "\x7f" + std::string(255, 'x'))), "[encoding]"},
      {"of RSA, below zero", line("ssh-rsa", field("\x03") + field("\xff" + std::string(255, 'x'))), "[encoding]"},
      {"a private key", "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk=", "[private_key_material]"},
      {"PuTTY's", "PuTTY-User-Key-File-3: ssh-ed25519", "[private_key_material]"},
      {"a private key longer than the limit", "-----BEGIN RSA PRIVATE KEY-----" + std::string(9000, 'x'),
       "[private_key_material]"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    const auto key = parse_ssh_public_key(row.line);
    CHECK((key ? key->comment : "[" + key.error().subject + "]") == row.outcome);
    if (!key) {
      CHECK(key.error().code == Code::invalid_field);
      REQUIRE(key.error().errors.size() == 1);
      CHECK(key.error().errors[0].pointer == "/public_key");
      CHECK(key.error().detail.find("b3BlbnNzaC1rZXk") == std::string::npos);
      continue;
    }
    CHECK(row.line.starts_with(key->type + " " + encode_base64(as_bytes(key->blob))));
  }
}

TEST_CASE("a key is kept under a name of the usual shape") {
  CHECK(check_ssh_key("laptop", ed25519));
  for (const char* name : {"", "../x", "a b", "-a", "\"<x/>"}) {
    CAPTURE(std::string(name));
    const auto refused = check_ssh_key(name, ed25519);
    REQUIRE(!refused);
    CHECK(refused.error().errors.at(0).pointer == "/name");
  }
}

}  // namespace
}  // namespace cadastre
