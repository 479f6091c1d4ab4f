// `cadastre key`: key pairs in files.
#include <fmt/format.h>

#include "base/json.h"
#include "files.h"
#include "settings.h"
#include "table.h"
#include "token/jws.h"
#include "token/key_text.h"
#include "token/subject_pubkey.h"
#include "verb.h"

namespace cadastre {
namespace {

struct Arguments {
  std::string file;
  std::string form;
};

/// The spellings of a public key that `subject_pubkey` takes, and what it is called.
std::vector<Line> forms_of(const PublicKey& key) {
  std::string jwk;
  append_jwk(jwk, key);
  return {{"base64url", encode_base64url(key)},
          {"hex", encode_hex(key)},
          {"jwk", jwk},
          {"openssh", encode_openssh_key(key)},
          {"pem", encode_public_key_pem(key)},
          {"thumbprint", encode_base64url(thumbprint(key))},
          {"fingerprint", fingerprint_of(key)}};
}

void print_key(const Program& program, const PublicKey& key, const std::string& form) {
  const auto forms = forms_of(key);
  std::string out;
  if (program.options.format() == OutputFormat::json) {
    json::Object object(out);
    for (const auto& [name, text] : forms) object.field(name, text);
    object.end();
    out += '\n';
  } else {
    for (const auto& [name, text] : forms) {
      if (name == form) out = text;
    }
    if (!out.ends_with('\n')) out += '\n';
  }
  fmt::print("{}", out);
}

void describe(Verb& verb, Arguments& arguments) {
  arguments.form = "base64url";
  verb.argument("FILE", arguments.file, "the file of the private key")
      .choice("--form", arguments.form, {"base64url", "hex", "jwk", "openssh", "pem", "thumbprint", "fingerprint"},
              "how the public key is printed");
}

ExitCode create(Program& program, const Arguments& arguments) {
  const PrivateKey key = PrivateKey::draw(program.random);
  create_secret(arguments.file, encode_private_key_pem(key));
  print_key(program, key.public_key(), arguments.form);
  return ExitCode::ok;
}

ExitCode show(Program& program, const Arguments& arguments) {
  const auto as_public = parse_subject_pubkey(read_text(arguments.file));
  print_key(program, as_public ? *as_public : read_private_key(arguments.file).public_key(), arguments.form);
  return ExitCode::ok;
}

}  // namespace

void add_key_verbs(CLI::App& app, Program& program) {
  CLI::App& key = add_noun(app, "key", "key pairs, to which tokens are bound");
  add_verb<Arguments>(key, program, "create", "make a key pair; FILE is for its owner alone to read", describe, create);
  add_verb<Arguments>(key, program, "show", "print the public half of a private or public key", describe, show);
}

}  // namespace cadastre
