#include "store/files/durable_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>

namespace cadastre::files {
namespace {

[[noreturn]] void stop_over(const std::string& path) {
  const std::string why = std::generic_category().message(errno);
  std::fprintf(stderr, "%s could not be written to the disk (%s): the process stops\n", path.c_str(), why.c_str());
  std::abort();
}

Handle write_new_file(const std::string& path, std::string_view bytes, unsigned mode) {
  constexpr int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC;
  int descriptor = ::open(path.c_str(), flags, mode);
  if (descriptor < 0 && errno == EEXIST && ::unlink(path.c_str()) == 0) descriptor = ::open(path.c_str(), flags, mode);
  if (descriptor < 0) throw failure_of("open", path);
  Handle file = Handle::own(descriptor);
  if (::fchmod(descriptor, mode) != 0) throw failure_of("fchmod", path);
  write_all(file, bytes, path);
  return file;
}

}  // namespace

Handle::Handle(const std::string& path, int flags, unsigned mode)
    : descriptor_(::open(path.c_str(), flags | O_CLOEXEC, mode)) {
  if (descriptor() < 0) throw failure_of("open", path);
}

StoreFailure failure_of(std::string_view call, std::string_view path) {
  return StoreFailure(fmt::format("{}: {}: {}", path, call, std::generic_category().message(errno)));
}

std::optional<std::string> read_file(const std::string& path, std::size_t bytes_max) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  if (descriptor < 0 && (errno == ENOENT || errno == ENOTDIR)) return std::nullopt;
  if (descriptor < 0) throw failure_of("open", path);
  const Handle file = Handle::own(descriptor);
  struct stat status{};
  if (::fstat(descriptor, &status) != 0) throw failure_of("fstat", path);
  if (!S_ISREG(status.st_mode)) throw StoreFailure(path + ": not a regular file");
  if (std::cmp_greater(status.st_size, bytes_max)) throw StoreFailure(path + ": larger than any such file can be");
  std::string bytes(static_cast<std::size_t>(status.st_size), '\0');
  std::size_t filled = 0;
  while (filled < bytes.size()) {
    const ssize_t count = ::read(descriptor, bytes.data() + filled, bytes.size() - filled);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw failure_of("read", path);
    if (count == 0) break;
    filled += static_cast<std::size_t>(count);
  }
  bytes.resize(filled);
  return bytes;
}

void write_all(const Handle& file, std::string_view bytes, const std::string& path) {
  if (!cadastre::write_all(file.descriptor_, bytes)) throw failure_of("write", path);
}

void sync_data(const Handle& file, const std::string& path) {
  if (::fdatasync(file.descriptor()) != 0) stop_over(path);
}

void sync_folder(const std::string& path) {
  const Handle folder(path, O_RDONLY | O_DIRECTORY);
  if (::fsync(folder.descriptor()) != 0) stop_over(path);
}

void sync_file_system(const Handle& folder, const std::string& path) {
  if (::syncfs(folder.descriptor()) != 0) stop_over(path);
}

std::string parent_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == 0 ? "/" : std::string(path.substr(0, slash));
}

std::string absolute_path(std::string_view path) {
  std::string absolute = std::filesystem::absolute(path).lexically_normal().string();
  while (absolute.size() > 1 && absolute.back() == '/') absolute.pop_back();
  return absolute;
}

void write_file(const std::string& path, std::string_view bytes, unsigned mode) {
  sync_data(write_new_file(path, bytes, mode), path);
}

void write_file_unsynced(const std::string& path, std::string_view bytes, unsigned mode) {
  write_new_file(path, bytes, mode);
}

void move_over(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) throw failure_of("rename", to);
  sync_folder(parent_of(to));
}

}  // namespace cadastre::files
