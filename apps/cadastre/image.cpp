// `cadastre image`: what VMs are made from. An administrator's token changes the platform's catalogue, another its
// tenant's own.
#include <fmt/format.h>

#include "api.h"
#include "base/bytes.h"
#include "body.h"
#include "files.h"
#include "verb.h"

namespace cadastre {
namespace {

/// Where nodes get a file, and what they know it by: a digest and a length, or a copy to take both from.
struct FileArguments {
  std::string url;
  std::string copy;
  std::string sha256;
  std::optional<std::int64_t> size_bytes;
};

struct AddArguments {
  std::string name;
  std::string format = "qcow2";
  FileArguments image;
  FileArguments initrd;
  std::string cmdline;
  std::optional<std::int64_t> min_disk_gb;
};

struct ListArguments {
  std::optional<std::int64_t> limit;
};

struct Arguments {
  std::string name;
};

constexpr Bounds file_bytes{.least = 1, .most = std::int64_t{1} << 44};

void describe_add(Verb& verb, AddArguments& order) {
  verb.argument("NAME", order.name, "its name: VMs of this --type are made from it")
      .choice("--format", order.format, {"qcow2", "raw", "kernel"}, "what the file is")
      .option("--image-url", order.image.url, "URL", "where nodes fetch it, by http or https", Presence::required)
      .option("--file", order.image.copy, "FILE", "a copy of it here, to take its digest and its length from")
      .option("--sha256", order.image.sha256, "HEX", "its digest, where no --file is given")
      .option("--size-bytes", order.image.size_bytes, file_bytes, "its length, where no --file is given")
      .option("--initrd-url", order.initrd.url, "URL", "where nodes fetch the initrd of a kernel")
      .option("--initrd-file", order.initrd.copy, "FILE", "a copy of the initrd here")
      .option("--initrd-sha256", order.initrd.sha256, "HEX", "the initrd's digest, where no --initrd-file is given")
      .option("--initrd-size-bytes", order.initrd.size_bytes, file_bytes, "the initrd's length")
      .option("--cmdline", order.cmdline, "TEXT", "the command line of a kernel")
      .option("--min-disk-gb", order.min_disk_gb, {.least = 0}, "the least disk of a VM that is made from it")
      .exclude("--file", "--sha256")
      .exclude("--file", "--size-bytes")
      .exclude("--initrd-file", "--initrd-sha256")
      .exclude("--initrd-file", "--initrd-size-bytes");
}

void describe_list(Verb& verb, ListArguments& arguments) { add_limit(verb, arguments.limit); }

void describe_name(Verb& verb, Arguments& arguments) { verb.argument("NAME", arguments.name, "the image"); }

/// Adds the members of a file to a body. `prefix` is what its options begin with.
void add_file(Body& body, const FileArguments& file, const std::string& prefix) {
  if (file.copy.empty() && (file.sha256.empty() || !file.size_bytes)) {
    usage_error(
        fmt::format("say what nodes know the file by: give a copy of it with --{0}file, or both --{0}sha256 "
                    "and --{0}size-bytes",
                    prefix));
  }
  body.add("url", file.url);
  if (file.copy.empty()) {
    body.add("sha256", file.sha256).add("size_bytes", file.size_bytes);
  } else {
    const FileDigest digest = digest_of(file.copy);
    body.add("sha256", encode_hex(digest.sha256)).add("size_bytes", std::optional(digest.size_bytes));
  }
}

std::string initrd_of(const FileArguments& initrd) {
  const bool is_given = !initrd.copy.empty() || !initrd.sha256.empty() || initrd.size_bytes;
  if (initrd.url.empty() && is_given) usage_error("say with --initrd-url where nodes fetch the initrd");
  if (initrd.url.empty()) return "";
  Body body;
  add_file(body, initrd, "initrd-");
  return body.text();
}

ExitCode add(Program& program, const AddArguments& order) {
  Body body;
  body.add("name", order.name).add("format", order.format);
  add_file(body, order.image, "");
  body.raw("initrd", initrd_of(order.initrd)).add("cmdline", order.cmdline).add("min_disk_gb", order.min_disk_gb);
  return print_record(program, Api(program).call("POST", "/v1/images", body.text()));
}

ExitCode list(Program& program, const ListArguments& arguments) {
  return print_list(program, "images", Api(program).list("/v1/images", "images", arguments.limit),
                    {{"NAME", "name"},
                     {"SCOPE", "scope"},
                     {"FORMAT", "format"},
                     {"SIZE BYTES", "size_bytes"},
                     {"MIN DISK GB", "min_disk_gb"},
                     {"CREATED", "created_at"},
                     {"URL", "url"}});
}

std::string path_of(const Arguments& arguments) { return "/v1/images/" + escaped(arguments.name); }

ExitCode get(Program& program, const Arguments& arguments) {
  return print_record(program, Api(program).call("GET", path_of(arguments)));
}

ExitCode remove(Program& program, const Arguments& arguments) {
  return print_record(program, Api(program).call("DELETE", path_of(arguments)));
}

}  // namespace

void add_image_verbs(CLI::App& app, Program& program) {
  CLI::App& image = add_noun(app, "image", "what VMs are made from: the tenant's own images and the platform's");
  add_verb<AddArguments>(image, program, "add", "put one into the catalogue; nodes fetch it when they need it",
                         describe_add, add);
  add_verb<ListArguments>(image, program, "list", "show those that VMs can be made from", describe_list, list);
  add_verb<Arguments>(image, program, "get", "show one", describe_name, get);
  add_verb<Arguments>(image, program, "delete", "take one out of the catalogue; VMs made from it keep their disks",
                      describe_name, remove);
}

}  // namespace cadastre
