// `cadastre ssh-key`: whom the tenant's VMs let in.
#include <fmt/format.h>

#include "api.h"
#include "body.h"
#include "domain/ssh_key.h"
#include "files.h"
#include "verb.h"

namespace cadastre {
namespace {

struct AddArguments {
  std::string name;
  std::string file;
};

struct ListArguments {
  std::optional<std::int64_t> limit;
};

struct Arguments {
  std::string name;
};

void describe_add(Verb& verb, AddArguments& arguments) {
  verb.argument("NAME", arguments.name, "a name for the key")
      .argument("FILE", arguments.file, "the public key, such as ~/.ssh/id_ed25519.pub; - for standard input");
}

void describe_list(Verb& verb, ListArguments& arguments) { add_limit(verb, arguments.limit); }

void describe_name(Verb& verb, Arguments& arguments) { verb.argument("NAME", arguments.name, "the key's name"); }

/// The file's one line. A private key is refused here, so that it never leaves the machine.
std::string public_key_in(const std::string& path) {
  std::string line = read_text(path);
  while (line.ends_with('\n') || line.ends_with('\r')) line.pop_back();
  const auto key = parse_ssh_public_key(line);
  if (key) return line;
  if (key.error().subject == "private_key_material")
    usage_error(fmt::format("{0} holds a private key: give its public half, {0}.pub", path));
  usage_error(fmt::format("{} holds no public key that OpenSSH takes: {}", path, key.error().detail));
}

ExitCode add(Program& program, const AddArguments& arguments) {
  const std::string body = Body().add("name", arguments.name).add("public_key", public_key_in(arguments.file)).text();
  return print_record(program, Api(program).call("POST", "/v1/ssh-keys", body));
}

ExitCode list(Program& program, const ListArguments& arguments) {
  return print_list(program, "ssh_keys", Api(program).list("/v1/ssh-keys", "ssh_keys", arguments.limit),
                    {{"NAME", "name"}, {"TYPE", "type"}, {"FINGERPRINT", "fingerprint"}, {"CREATED", "created_at"}});
}

std::string path_of(const Arguments& arguments) { return "/v1/ssh-keys/" + escaped(arguments.name); }

ExitCode get(Program& program, const Arguments& arguments) {
  return print_record(program, Api(program).call("GET", path_of(arguments)));
}

ExitCode remove(Program& program, const Arguments& arguments) {
  return print_record(program, Api(program).call("DELETE", path_of(arguments)));
}

}  // namespace

void add_ssh_key_verbs(CLI::App& app, Program& program) {
  CLI::App& key = add_noun(app, "ssh-key", "the OpenSSH public keys that the tenant's VMs let in");
  add_verb<AddArguments>(key, program, "add", "let a key in; VMs take it when they are first started", describe_add,
                         add);
  add_verb<ListArguments>(key, program, "list", "show the tenant's", describe_list, list);
  add_verb<Arguments>(key, program, "get", "show one", describe_name, get);
  add_verb<Arguments>(key, program, "delete", "forget one; VMs that have it keep it", describe_name, remove);
}

}  // namespace cadastre
