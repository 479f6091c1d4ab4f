#include "image_folder.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "base/test_folder.h"

namespace cadastre {
namespace {

namespace fs = std::filesystem;

/// A folder that goes with the test.
class Images {
 public:
  void add(const std::string& type, const std::string& file, const std::string& content = "") const {
    write_bytes(path_ / ("images/" + type + "/" + file), content);
  }
  std::string folder() const { return path_ / "images"; }
  std::string file(const std::string& name) const { return path_ / ("images/" + name); }

 private:
  TestFolder path_;
};

}  // namespace

TEST_CASE("a type boots from what lies in the folder of its name") {
  const Images images;
  images.add("tiny", "kernel");
  images.add("linux", "kernel");
  images.add("linux", "initrd");
  images.add("linux", "cmdline", "console=ttyS0 quiet\n");
  images.add("debian", "disk.qcow2");
  images.add("plain", "disk.raw");
  const ImageFolder folder(images.folder(), std::nullopt);

  const auto tiny = std::get<KernelBoot>(folder.find("tiny").value());
  CHECK(tiny.kernel == images.file("tiny/kernel"));
  CHECK(tiny.initrd.empty());
  CHECK(tiny.cmdline == "console=ttyS0 panic=-1");
  const auto linux_boot = std::get<KernelBoot>(folder.find("linux").value());
  CHECK(linux_boot.initrd == images.file("linux/initrd"));
  CHECK(linux_boot.cmdline == "console=ttyS0 quiet");
  const auto debian = std::get<ImageBoot>(folder.find("debian").value());
  CHECK(debian.image == images.file("debian/disk.qcow2"));
  CHECK(debian.format == DiskFormat::qcow2);
  CHECK(std::get<ImageBoot>(folder.find("plain").value()).format == DiskFormat::raw);

  images.add("late", "kernel");
  CHECK(folder.find("late").has_value());
}

TEST_CASE("a type that is no name of a folder leads nowhere, however it is spelt") {
  const Images images;
  images.add("linux", "kernel");
  images.add("empty", "README");
  fs::create_directories(fs::path(images.folder()).parent_path() / "outside");
  std::ofstream(fs::path(images.folder()).parent_path() / "outside" / "kernel");
  const ImageFolder folder(images.folder(), std::nullopt);
  for (const char* const type :
       {"other", "empty", "../outside", "linux/../../outside", ".", "..", "", "linux/", "<x/>"}) {
    CAPTURE(type);
    const auto found = folder.find(type);
    REQUIRE(!found);
    CHECK(found.error().code == Code::unavailable);
  }
  CHECK(!ImageFolder("/nowhere", std::nullopt).find("linux"));
  const ImageFolder with_usual(images.folder(), KernelBoot{.kernel = "/usual", .initrd = {}, .cmdline = {}});
  CHECK(std::get<KernelBoot>(with_usual.find("other").value()).kernel == "/usual");
  CHECK(std::get<KernelBoot>(with_usual.find("linux").value()).kernel == images.file("linux/kernel"));
}

}  // namespace cadastre
