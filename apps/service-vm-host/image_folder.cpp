#include "image_folder.h"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>

namespace cadastre {
namespace {

namespace fs = std::filesystem;

constexpr const char* usual_cmdline = "console=ttyS0 panic=-1";

bool is_there(const fs::path& path) {
  std::error_code fault;
  return fs::is_regular_file(path, fault);
}

std::string first_line_of(const fs::path& path, const char* otherwise) {
  std::ifstream file(path);
  std::string line;
  return file && std::getline(file, line) ? line : otherwise;
}

std::optional<BootSource> boot_in(const fs::path& folder) {
  if (is_there(folder / "kernel")) {
    return KernelBoot{.kernel = (folder / "kernel").string(),
                      .initrd = is_there(folder / "initrd") ? (folder / "initrd").string() : "",
                      .cmdline = first_line_of(folder / "cmdline", usual_cmdline)};
  }
  if (is_there(folder / "disk.qcow2")) return ImageBoot{(folder / "disk.qcow2").string(), DiskFormat::qcow2};
  if (is_there(folder / "disk.raw")) return ImageBoot{(folder / "disk.raw").string(), DiskFormat::raw};
  return std::nullopt;
}

std::optional<fs::path> folder_named(const fs::path& parent, const std::string& name) {
  std::error_code fault;
  fs::directory_iterator entry(parent, fault);
  for (; !fault && entry != fs::directory_iterator(); entry.increment(fault)) {
    if (entry->path().filename().string() == name) return entry->path();
  }
  return std::nullopt;
}

}  // namespace

ImageFolder::ImageFolder(std::string folder, std::optional<BootSource> usual)
    : folder_(std::move(folder)), usual_(std::move(usual)) {}

Result<BootSource> ImageFolder::find(const std::string& vm_type) const {
  const auto folder = folder_named(folder_, vm_type);
  auto boot = folder ? boot_in(*folder) : std::nullopt;
  if (!boot) boot = usual_;
  if (!boot)
    return refuse(Code::unavailable, "vm_type", fmt::format("Its node has no image for the type {}.", vm_type));
  return *std::move(boot);
}

}  // namespace cadastre
