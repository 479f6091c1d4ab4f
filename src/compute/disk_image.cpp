#include "compute/disk_image.h"

#include <fmt/format.h>

#include <chrono>
#include <filesystem>
#include <vector>

#include "base/json.h"
#include "compute/child_process.h"

namespace cadastre {
namespace {

using namespace std::chrono_literals;

constexpr auto qemu_img_limit = 30s;  // it writes a few hundred KiB; an image's own size does not matter
constexpr int info_depth_max = 8;     // of nested objects; qcow2's go 3 deep
constexpr std::int64_t gigabyte = 1'000'000'000;

std::string format_name(DiskFormat format) { return format == DiskFormat::raw ? "raw" : "qcow2"; }

std::unexpected<Refusal> refuse_image(const ImageBoot& image, const std::string& why) {
  return refuse(Code::invalid_field, "boot", fmt::format("The image {} {}.", image.image, why));
}

/// The format is said, never guessed: a raw disk that begins like a qcow2 header would have QEMU open other files.
Result<void> check_image(const ImageBoot& image, Gigabytes disk, const Clock& clock) {
  const auto info = run_program({"qemu-img", "info", "--output=json", "-f", format_name(image.format), image.image},
                                qemu_img_limit, clock);
  if (!info) return refuse_image(image, "cannot be read: " + info.error().detail);
  const auto facts = parse_image_info(*info);
  if (!facts) return refuse_image(image, "is described by qemu-img in an unknown way");
  if (facts->refers_to_files) return refuse_image(image, "refers to other files; flatten it with qemu-img convert");
  if (facts->virtual_bytes <= disk.value * gigabyte) return {};
  const auto needed = (facts->virtual_bytes + gigabyte - 1) / gigabyte;
  return refuse(Code::invalid_field, "disk_gb",
                fmt::format("disk_gb must be at least {}, as large as the image; it is {}.", needed, disk.value));
}

}  // namespace

std::optional<ImageFacts> parse_image_info(std::string_view json) {
  const auto info = json::parse(json, info_depth_max).value;
  const auto* const size = info ? info->find("virtual-size") : nullptr;
  if (size == nullptr || !size->integer()) return std::nullopt;
  const auto* const specific = info->find("format-specific");
  const auto* const data = specific == nullptr ? nullptr : specific->find("data");
  const bool has_data_file = data != nullptr && data->find("data-file") != nullptr;
  const bool has_backing = info->find("backing-filename") != nullptr || info->find("full-backing-filename") != nullptr;
  return ImageFacts{*size->integer(), has_data_file || has_backing};
}

Result<void> make_disk(const std::string& path, Gigabytes size, const ImageBoot* image, const Clock& clock) {
  if (std::filesystem::exists(path)) return {};
  if (image != nullptr) TRY(check_image(*image, size, clock));
  const std::string part = path + ".part";
  std::vector<std::string> arguments{"qemu-img", "create", "-q", "-f", "qcow2"};
  if (image != nullptr) arguments.insert(arguments.end(), {"-b", image->image, "-F", format_name(image->format)});
  arguments.insert(arguments.end(), {part, std::to_string(size.value * gigabyte)});
  TRY(run_program(arguments, qemu_img_limit, clock));
  std::filesystem::rename(part, path);
  return {};
}

}  // namespace cadastre
