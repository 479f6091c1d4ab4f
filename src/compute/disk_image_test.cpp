#include "compute/disk_image.h"

#include <doctest/doctest.h>

#include <filesystem>

#include "base/test_folder.h"
#include "compute/child_process.h"

namespace cadastre {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t gigabyte = 1'000'000'000;

std::string qemu_img(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "qemu-img");
  auto output = run_program(arguments, 30s, SystemClock());
  REQUIRE(output);
  return *std::move(output);
}

std::string refusal_of(const Result<void>& outcome) { return outcome ? std::string() : outcome.error().detail; }

bool holds(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

TEST_CASE("what qemu-img says of an image is read strictly") {
  CHECK(parse_image_info(R"({"virtual-size": 512})")->virtual_bytes == 512);
  CHECK(!parse_image_info(R"({"virtual-size": 512})")->refers_to_files);
  CHECK(parse_image_info(R"({"virtual-size": 1, "backing-filename": "a"})")->refers_to_files);
  CHECK(parse_image_info(R"({"virtual-size": 1, "format-specific": {"data": {"data-file": "a"}}})")->refers_to_files);
  for (const auto* text : {"", "{}", "[]", R"({"virtual-size": "512"})", R"({"virtual-size": 1.5})"}) {
    CHECK(!parse_image_info(text));
  }
}

TEST_CASE("an empty disk has the size that was ordered, and is made once") {
  const TestFolder folder;
  const SystemClock clock;
  const auto disk = folder / "disk.qcow2";
  REQUIRE(make_disk(disk, Gigabytes{3}, nullptr, clock));
  CHECK(parse_image_info(qemu_img({"info", "--output=json", disk}))->virtual_bytes == 3 * gigabyte);
  REQUIRE(make_disk(disk, Gigabytes{4}, nullptr, clock));
  CHECK(parse_image_info(qemu_img({"info", "--output=json", disk}))->virtual_bytes == 3 * gigabyte);
  CHECK(!std::filesystem::exists(disk + ".part"));
}

TEST_CASE("an overlay refers to its image and to nothing else") {
  const TestFolder folder;
  const SystemClock clock;
  const ImageBoot image{folder / "base.qcow2"};
  qemu_img({"create", "-q", "-f", "qcow2", image.image, "1000000000"});
  REQUIRE(make_disk(folder / "disk.qcow2", Gigabytes{1}, &image, clock));
  CHECK(holds(qemu_img({"info", "--output=json", folder / "disk.qcow2"}), image.image));
}

TEST_CASE("an image is refused that is missing, too large, not what it is called, or refers to other files") {
  const TestFolder folder;
  const SystemClock clock;
  const auto refused = [&](const ImageBoot& image) {
    const auto outcome = make_disk(folder / "disk.qcow2", Gigabytes{1}, &image, clock);
    CHECK(!std::filesystem::exists(folder / "disk.qcow2"));
    return refusal_of(outcome);
  };
  CHECK(holds(refused({folder / "missing.qcow2"}), "No such file"));

  qemu_img({"create", "-q", "-f", "qcow2", folder / "large.qcow2", "1000000512"});
  CHECK(refused({folder / "large.qcow2"}) == "disk_gb must be at least 2, as large as the image; it is 1.");

  write_bytes(folder / "text", "not an image");
  CHECK(holds(refused({folder / "text"}), "Image is not in qcow2 format"));

  qemu_img({"create", "-q", "-f", "qcow2", "-b", folder / "text", "-F", "raw", folder / "backed.qcow2"});
  CHECK(holds(refused({folder / "backed.qcow2"}), "refers to other files"));

  qemu_img({"create", "-q", "-f", "qcow2", "-o", "data_file=" + (folder / "data"), folder / "split.qcow2", "1M"});
  CHECK(holds(refused({folder / "split.qcow2"}), "refers to other files"));
}

}  // namespace
}  // namespace cadastre
