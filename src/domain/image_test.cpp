// What can be an image, and which member says that it cannot.
#include "domain/image.h"

#include <doctest/doctest.h>

namespace cadastre {
namespace {

const std::string digest = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

ImageOrder order() {
  return {.name = "debian-12",
          .format = "kernel",
          .file = {.url = "https://images.example/vmlinuz", .sha256 = digest, .size_bytes = 8'000'000},
          .initrd = ImageFileOrder{.url = "http://10.0.0.1:8080/initrd?v=1", .sha256 = digest, .size_bytes = 1},
          .cmdline = "console=ttyS0",
          .min_disk = Gigabytes{2}};
}

/// The members that are refused, in order, with blanks between.
std::string refused(const ImageOrder& wrong) {
  const auto outcome = check_image(wrong);
  if (outcome) return "";
  CHECK(outcome.error().code == Code::invalid_field);
  std::string pointers;
  for (const FieldError& error : outcome.error().errors) (pointers += pointers.empty() ? "" : " ") += error.pointer;
  return pointers;
}

TEST_CASE("an image keeps what was ordered") {
  const auto facts = check_image(order());
  REQUIRE(facts);
  CHECK(facts->name == "debian-12");
  CHECK(facts->format == ImageFormat::kernel);
  CHECK(encode_hex(facts->file.sha256) == digest);
  CHECK(facts->file.size_bytes == 8'000'000);
  REQUIRE(facts->initrd);
  CHECK(facts->initrd->url == "http://10.0.0.1:8080/initrd?v=1");
  CHECK(facts->cmdline == "console=ttyS0");
  CHECK(facts->min_disk == Gigabytes{2});
}

TEST_CASE("every member has its bounds") {
  struct Row {
    std::string_view name;
    void (*change)(ImageOrder&);
    std::string_view refused_at;
  };
  const Row rows[] = {
      {"as it is", [](ImageOrder&) {}, ""},
      {"without an initrd", [](ImageOrder& o) { o.initrd.reset(), o.cmdline.reset(); }, ""},
      {"a disk", [](ImageOrder& o) { o.format = "raw", o.initrd.reset(), o.cmdline.reset(); }, ""},
      {"a name that could be a path", [](ImageOrder& o) { o.name = "../x"; }, "/name"},
      {"a name that could be XML", [](ImageOrder& o) { o.name = "\"<x/>"; }, "/name"},
      {"no name", [](ImageOrder& o) { o.name = ""; }, "/name"},
      {"another format", [](ImageOrder& o) { o.format = "vmdk"; }, "/format"},
      {"another case", [](ImageOrder& o) { o.format = "Kernel"; }, "/format"},
      {"an initrd of a disk", [](ImageOrder& o) { o.format = "qcow2", o.cmdline.reset(); }, "/initrd"},
      {"a command line of a disk", [](ImageOrder& o) { o.format = "qcow2", o.initrd.reset(); }, "/cmdline"},
      {"a digest in upper case", [](ImageOrder& o) { o.file.sha256[10] = 'A'; }, "/sha256"},
      {"a digest too short", [](ImageOrder& o) { o.file.sha256.pop_back(); }, "/sha256"},
      {"a digest that is none", [](ImageOrder& o) { o.initrd->sha256[0] = 'g'; }, "/initrd/sha256"},
      {"no bytes", [](ImageOrder& o) { o.file.size_bytes = 0; }, "/size_bytes"},
      {"the most bytes", [](ImageOrder& o) { o.file.size_bytes = 17'592'186'044'416; }, ""},
      {"a byte more", [](ImageOrder& o) { o.initrd->size_bytes = 17'592'186'044'417; }, "/initrd/size_bytes"},
      {"an empty command line", [](ImageOrder& o) { o.cmdline = ""; }, "/cmdline"},
      {"the longest command line", [](ImageOrder& o) { o.cmdline = std::string(2047, 'a'); }, ""},
      {"a longer one", [](ImageOrder& o) { o.cmdline = std::string(2048, 'a'); }, "/cmdline"},
      {"a line end in it", [](ImageOrder& o) { o.cmdline = "a\nb"; }, "/cmdline"},
      {"a letter that is not ASCII", [](ImageOrder& o) { o.cmdline = "ñ"; }, "/cmdline"},
      {"less than no disk", [](ImageOrder& o) { o.min_disk = Gigabytes{-1}; }, "/min_disk_gb"},
      {"more than any disk", [](ImageOrder& o) { o.min_disk = Gigabytes{1'000'000'001}; }, "/min_disk_gb"},
      {"several", [](ImageOrder& o) { o.name = "", o.file.url = "", o.initrd->url = ""; }, "/name /url /initrd/url"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    ImageOrder changed = order();
    row.change(changed);
    CHECK(refused(changed) == row.refused_at);
  }
}

TEST_CASE("a URL is a plain one of http or https") {
  const std::pair<std::string, bool> rows[] = {
      {"http://a", true},
      {"https://images.example:8443/a/b.qcow2?version=3&x=%20", true},
      {"http://[::1]:9000/i", true},
      {"https://a/" + std::string(2038, 'x'), true},
      {"https://a/" + std::string(2039, 'x'), false},
      {"", false},
      {"https://", false},
      {"https:///etc/passwd", false},
      {"http://:80/", false},
      {"HTTPS://a/", false},
      {"file:///etc/passwd", false},
      {"ftp://a/b", false},
      {"//a/b", false},
      {"https://user:secret@a/b", false},
      {"https://a@b", false},
      {"https://a?@b", true},  // behind the authority an at-sign is only a letter
      {"https://a/b#c", false},
      {"https://a/b c", false},
      {"https://a/\"<x/>", false},
      {"https://a/b\r\nHost: c", false},
      {"https://ñ.example/", false},
      {std::string("https://a/\0b", 12), false},
  };
  for (const auto& [url, is_good] : rows) {
    CAPTURE(url);
    ImageOrder changed = order();
    changed.file.url = url;
    CHECK(refused(changed) == (is_good ? "" : "/url"));
  }
}

}  // namespace
}  // namespace cadastre
