#include "base/secret_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <stdexcept>
#include <system_error>

#include "base/descriptor.h"

namespace cadastre {
namespace {

constexpr mode_t secret_mode = 0600;
constexpr mode_t others = 077;

[[noreturn]] void fail(const char* action, const std::string& path) {
  throw std::system_error(errno, std::generic_category(), fmt::format("cannot {} {}", action, path));
}

}  // namespace

void write_secret_file(const std::string& path, std::string_view content) {
  const std::string fresh = path + ".new";
  {
    const Descriptor file(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, secret_mode));
    if (file.number() < 0 || ::fchmod(file.number(), secret_mode) != 0) fail("write", fresh);
    if (!write_all(file, content)) fail("write", fresh);
    if (::fsync(file.number()) != 0) fail("sync", fresh);
  }
  if (::rename(fresh.c_str(), path.c_str()) != 0) fail("replace", path);
  sync_folder(std::filesystem::absolute(path).parent_path().string());
}

void sync_folder(const std::string& folder) {
  const Descriptor opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (opened.number() < 0 || ::fsync(opened.number()) != 0) fail("sync", folder);
}

std::optional<std::string> read_secret_file(const std::string& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.number() < 0 && errno == ENOENT) return std::nullopt;
  struct stat about{};
  if (file.number() < 0 || ::fstat(file.number(), &about) != 0) fail("read", path);
  if ((about.st_mode & others) != 0)
    throw std::runtime_error(fmt::format("{} can be read by others: run chmod 600 on it", path));
  std::string content;
  for (char buffer[4096];;) {
    const ssize_t got = ::read(file.number(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail("read", path);
    if (got == 0) return content;
    content.append(buffer, static_cast<std::size_t>(got));
  }
}

}  // namespace cadastre
