#include "agent/image_cache.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "agent/wakeup.h"
#include "base/test_folder.h"

namespace cadastre {
namespace {

ImageFile remote(std::uint8_t number) {
  ImageFile file{.url = "http://images/" + std::to_string(number), .size_bytes = 4};
  file.sha256[0] = number;
  return file;
}

ImageFacts disk_image(std::uint8_t number) { return {.file = remote(number)}; }

/// A cache whose files come from a test's own network.
struct World {
  TestFolder folder;
  Wakeup rung;
  std::map<std::uint8_t, Refusal> refusals;
  std::atomic<int> fetches = 0;
  ImageCache cache{folder / "images",
                   [this](const ImageFile& file, const std::string& path, const std::stop_token&) -> Result<void> {
                     ++fetches;
                     std::ofstream(path) << "disk";
                     const auto refusal = refusals.find(file.sha256[0]);
                     if (refusal != refusals.end()) return std::unexpected(refusal->second);
                     return {};
                   },
                   [this] { rung.ring(); }};

  /// Asks, and asks again when the cache rings, until there is an answer.
  Result<BootSource> await(const ImageFacts& image) {
    for (int rings = 0; rings < 10; ++rings) {
      const auto found = cache.find(image);
      if (!found) return std::unexpected(found.error());
      if (*found) return **found;
      rung.wait(std::stop_token(), std::chrono::minutes(1));
    }
    return refuse(Code::unavailable, "test", "It never came.");
  }
};

}  // namespace

TEST_CASE("an image is fetched once, and is then what guests boot from") {
  World world;
  CHECK(world.cache.find(disk_image(1)).value() == std::nullopt);
  const auto boot = world.await(disk_image(1));
  REQUIRE(boot);
  CHECK(std::get<ImageBoot>(*boot).image == world.folder / ("images/01" + std::string(62, '0')));
  CHECK(std::get<ImageBoot>(*boot).format == DiskFormat::qcow2);
  CHECK(world.await(disk_image(1)));
  CHECK(world.fetches == 1);
}

TEST_CASE("a kernel comes with its initrd, its command line and no more") {
  World world;
  ImageFacts image = disk_image(1);
  image.format = ImageFormat::kernel;
  image.initrd = remote(2);
  image.cmdline = "console=ttyS0 quiet";
  const auto boot = world.await(image);
  REQUIRE(boot);
  const auto& kernel = std::get<KernelBoot>(*boot);
  CHECK(kernel.kernel.ends_with("01" + std::string(62, '0')));
  CHECK(kernel.initrd.ends_with("02" + std::string(62, '0')));
  CHECK(kernel.cmdline == "console=ttyS0 quiet");
}

TEST_CASE("a file that cannot be had is refused once, and tried again when it is asked for again") {
  World world;
  world.refusals.emplace(1, Refusal{Code::unavailable, "vm_type", "The image server is away."});
  const auto refused = world.await(disk_image(1));
  REQUIRE(!refused);
  CHECK(refused.error().detail == "The image server is away.");
  CHECK(std::filesystem::exists(world.folder / ("images/01" + std::string(62, '0'))) == false);
  world.refusals.clear();
  CHECK(world.await(disk_image(1)));
  CHECK(world.fetches == 2);
}

TEST_CASE("a file is shown without what its URL may carry to let one in") {
  const std::string digest = "sha256:01" + std::string(62, '0');
  ImageFile file = remote(1);
  for (const auto* url : {"https://images.example:8443/debian.qcow2?token=secret",
                          "https://images.example:8443?token=secret", "https://images.example:8443"}) {
    file.url = url;
    CHECK(shown(file) == digest + " of images.example:8443");
  }
}

TEST_CASE("what lies there from before is not fetched again") {
  World world;
  std::ofstream(world.folder / ("images/03" + std::string(62, '0'))) << "disk";
  CHECK(world.await(disk_image(3)));
  CHECK(world.fetches == 0);
}

}  // namespace cadastre
