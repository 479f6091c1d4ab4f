#include "agent/state_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <stdexcept>
#include <system_error>

namespace cadastre {
namespace {

constexpr mode_t secret_mode = 0600;
constexpr mode_t others = 077;

[[noreturn]] void fail(const char* action, const std::string& path) {
  throw std::system_error(errno, std::generic_category(), fmt::format("cannot {} {}", action, path));
}

/// A file descriptor with one owner.
class File {
 public:
  explicit File(int descriptor) : descriptor_(descriptor) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  int descriptor() const { return descriptor_; }

 private:
  int descriptor_;
};

void write_whole(int descriptor, std::string_view content, const std::string& path) {
  while (!content.empty()) {
    const ssize_t written = ::write(descriptor, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail("write", path);
    content.remove_prefix(static_cast<std::size_t>(written));
  }
}

void sync_folder_of(const std::string& path) {
  const auto folder = std::filesystem::absolute(path).parent_path().string();
  const File opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (opened.descriptor() < 0 || ::fsync(opened.descriptor()) != 0) fail("sync", folder);
}

}  // namespace

void write_state_file(const std::string& path, std::string_view content) {
  const std::string fresh = path + ".new";
  {
    const File file(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, secret_mode));
    if (file.descriptor() < 0 || ::fchmod(file.descriptor(), secret_mode) != 0) fail("write", fresh);
    write_whole(file.descriptor(), content, fresh);
    if (::fsync(file.descriptor()) != 0) fail("sync", fresh);
  }
  if (::rename(fresh.c_str(), path.c_str()) != 0) fail("replace", path);
  sync_folder_of(path);
}

std::optional<std::string> read_state_file(const std::string& path) {
  const File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.descriptor() < 0 && errno == ENOENT) return std::nullopt;
  struct stat about{};
  if (file.descriptor() < 0 || ::fstat(file.descriptor(), &about) != 0) fail("read", path);
  if ((about.st_mode & others) != 0)
    throw std::runtime_error(fmt::format("{} can be read by others: run chmod 600 on it", path));
  std::string content;
  for (char buffer[4096];;) {
    const ssize_t got = ::read(file.descriptor(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail("read", path);
    if (got == 0) return content;
    content.append(buffer, static_cast<std::size_t>(got));
  }
}

}  // namespace cadastre
