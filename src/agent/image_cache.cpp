#include "agent/image_cache.h"

#include <fmt/format.h>

#include <filesystem>
#include <utility>

#include "base/log.h"

namespace cadastre {
namespace {

namespace fs = std::filesystem;

constexpr const char* usual_cmdline = "console=ttyS0 panic=-1";

DiskFormat format_of(ImageFormat format) { return format == ImageFormat::raw ? DiskFormat::raw : DiskFormat::qcow2; }

}  // namespace

std::string shown(const ImageFile& file) {
  const auto scheme_end = file.url.find("://");
  const auto host = scheme_end == std::string::npos ? 0 : scheme_end + 3;
  return fmt::format("sha256:{} of {}", encode_hex(file.sha256),
                     file.url.substr(host, file.url.find_first_of("/?", host) - host));
}

ImageCache::ImageCache(std::string folder, FetchFile fetch, std::function<void()> fetched)
    : folder_(std::move(folder)), fetch_(std::move(fetch)), fetched_(std::move(fetched)) {
  fs::create_directories(folder_);
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

std::string ImageCache::path_of(const ImageFile& file) const { return folder_ + '/' + encode_hex(file.sha256); }

Result<bool> ImageCache::is_here(const ImageFile& file) {
  const std::scoped_lock lock(mutex_);
  if (awaited_.contains(file.sha256)) return false;
  if (const auto failure = failures_.extract(file.sha256)) return std::unexpected(failure.mapped());
  if (fs::exists(path_of(file))) return true;
  awaited_.insert(file.sha256);
  queue_.push_back(file);
  asked_.notify_one();
  return false;
}

Result<std::optional<BootSource>> ImageCache::find(const ImageFacts& image) {
  const bool has_file = TRY(is_here(image.file));
  const bool has_initrd = !image.initrd || TRY(is_here(*image.initrd));
  if (!has_file || !has_initrd) return std::optional<BootSource>();
  if (image.format != ImageFormat::kernel) return ImageBoot{path_of(image.file), format_of(image.format)};
  return KernelBoot{.kernel = path_of(image.file),
                    .initrd = image.initrd ? path_of(*image.initrd) : "",
                    .cmdline = image.cmdline.empty() ? usual_cmdline : image.cmdline};
}

Result<void> ImageCache::fetch(const ImageFile& file, const std::stop_token& stop) const {
  const std::string path = path_of(file);
  const std::string part = path + ".part";
  log::info("an image is fetched", {{"file", shown(file)}, {"bytes", file.size_bytes}});
  TRY(fetch_(file, part, stop));
  std::error_code fault;
  fs::rename(part, path, fault);
  if (fault) {
    return refuse(Code::unavailable, "vm_type",
                  fmt::format("The node cannot keep the image {}: {}.", shown(file), fault.message()));
  }
  return {};
}

void ImageCache::run(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (asked_.wait(lock, stop, [this] { return !queue_.empty(); })) {
    const ImageFile file = queue_.front();
    queue_.pop_front();
    lock.unlock();
    const auto fetched = fetch(file, stop);
    lock.lock();
    awaited_.erase(file.sha256);
    if (stop.stop_requested()) return;
    if (!fetched) {
      log::warn("an image cannot be fetched", {{"file", shown(file)}, {"reason", fetched.error().detail}});
      failures_.insert_or_assign(file.sha256, fetched.error());
    }
    lock.unlock();
    fetched_();
    lock.lock();
  }
}

}  // namespace cadastre
