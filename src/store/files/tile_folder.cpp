#include "store/files/tile_folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <ranges>

#include "store/files/durable_file.h"

namespace cadastre {
namespace {

using files::failure_of;
using files::parent_of;

constexpr std::size_t file_bytes_max = 32U << 20U;     // a bundle has at most 256 entries of 64 KiB
constexpr std::size_t known_folders_max = 16U << 10U;  // then they are forgotten, at the price of an fsync each
constexpr unsigned published_mode = 0444;
constexpr unsigned folder_mode = 0755;

/// One name of a published path; no `.`, `..`, hidden or empty one.
bool is_component(std::string_view name) {
  const auto allowed = [](char c) { return ('a' <= c && c <= 'z') || ('0' <= c && c <= '9') || c == '.'; };
  return !name.empty() && name.size() <= 64 && name.front() != '.' && std::ranges::all_of(name, allowed);
}

bool is_published_path(std::string_view path) {
  return !path.empty() && std::ranges::all_of(path | std::views::split('/'), [](auto&& part) {
    return is_component(std::string_view(part.begin(), part.end()));
  });
}

using Folder = std::unique_ptr<DIR, decltype([](DIR* folder) { ::closedir(folder); })>;

/// Nothing when it is missing.
Folder open_folder(const std::string& path) {
  Folder folder(::opendir(path.c_str()));
  if (!folder && errno != ENOENT && errno != ENOTDIR) throw failure_of("opendir", path);
  return folder;
}

std::vector<std::string> file_names(const std::string& path) {
  std::vector<std::string> names;
  const Folder folder = open_folder(path);
  if (!folder) return names;
  for (errno = 0; const dirent* const entry = ::readdir(folder.get()); errno = 0) {
    struct stat status{};
    if (::fstatat(::dirfd(folder.get()), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0) continue;  // just removed
    if (S_ISREG(status.st_mode)) names.emplace_back(entry->d_name);
  }
  if (errno != 0) throw failure_of("readdir", path);
  return names;
}

/// Moves a file to a name that must be free; false when it is not.
bool move_to_free_name(const std::string& from, const std::string& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return true;
  if (errno == EEXIST) return false;
  if (errno != EINVAL) throw failure_of("rename", to);
  // The file system cannot rename that way: a link never replaces either.
  if (::link(from.c_str(), to.c_str()) != 0) {
    if (errno == EEXIST) return false;
    throw failure_of("link", to);
  }
  ::unlink(from.c_str());
  return true;
}

/// The file may be what a process left that stopped before it was safe on the disk.
void accept_equal(const std::string& path, std::string_view found, std::string_view bytes) {
  if (found != bytes) throw StoreFailure(path + ": published before with other bytes");
  files::sync_data(files::Handle(path, O_RDONLY), path);
  files::sync_folder(parent_of(path));
}

}  // namespace

TileFolder::TileFolder(std::string_view root) : root_(files::absolute_path(root)), new_files_(root_ + "/new") {}

std::string TileFolder::path_of(const TenantId& tenant, const LogId& log, std::string_view path) const {
  if (!is_published_path(path)) throw StoreFailure(fmt::format("'{}' is not the path of a published file", path));
  if (tenant.is_platform()) return fmt::format("{}/platform/{}", root_, path);
  return fmt::format("{}/logs/{}/{}", root_, encode_hex(log), path);
}

std::optional<std::string> TileFolder::read(const TenantId& tenant, const LogId& log, std::string_view path) {
  return files::read_file(path_of(tenant, log, path), file_bytes_max);
}

void TileFolder::create(const TenantId& tenant, const LogId& log, std::string_view path, std::string_view bytes) {
  const std::string target = path_of(tenant, log, path);
  std::call_once(prepared_, [this] { prepare(); });
  ensure_folder(parent_of(target));
  if (const auto found = files::read_file(target, file_bytes_max)) return accept_equal(target, *found, bytes);
  const std::string written = write_new(bytes);
  if (move_to_free_name(written, target)) return files::sync_folder(parent_of(target));
  ::unlink(written.c_str());  // another thread was faster
  accept_equal(target, files::read_file(target, file_bytes_max).value_or(""), bytes);
}

void TileFolder::replace(const TenantId& tenant, const LogId& log, std::string_view path, std::string_view bytes) {
  const std::string target = path_of(tenant, log, path);
  std::call_once(prepared_, [this] { prepare(); });
  ensure_folder(parent_of(target));
  files::move_over(write_new(bytes), target);
}

void TileFolder::remove(const TenantId& tenant, const LogId& log, std::string_view path) {
  const std::string target = path_of(tenant, log, path);
  if (::unlink(target.c_str()) != 0 && errno != ENOENT && errno != ENOTDIR) throw failure_of("unlink", target);
  const std::string folder = parent_of(target);
  if (folder.ends_with(".p")) ::rmdir(folder.c_str());  // refused while it holds anything
}

std::vector<std::string> TileFolder::list(const TenantId& tenant, const LogId& log, std::string_view folder) {
  return file_names(path_of(tenant, log, folder));
}

std::string TileFolder::write_new(std::string_view bytes) {
  std::string path = fmt::format("{}/{}", new_files_, ++new_file_number_);
  files::write_file(path, bytes, published_mode);
  return path;
}

void TileFolder::prepare() {
  ensure_folder(new_files_);
  for (const std::string& name : file_names(new_files_)) {  // left by a process that was stopped
    const std::string path = new_files_ + '/' + name;
    if (::unlink(path.c_str()) != 0) throw failure_of("unlink", path);
  }
}

void TileFolder::ensure_folder(const std::string& folder) {
  {
    const std::lock_guard lock(mutex_);
    if (known_folders_.contains(folder)) return;
  }
  const std::string parent = parent_of(folder);
  if (folder != root_) ensure_folder(parent);
  if (::mkdir(folder.c_str(), folder_mode) != 0) {
    if (errno != EEXIST) throw failure_of("mkdir", folder);
    files::Handle(folder, O_RDONLY | O_DIRECTORY);  // throws when something else is in its place
  }
  files::sync_folder(parent);  // also when it is there: its maker may have been stopped before this
  const std::lock_guard lock(mutex_);
  if (known_folders_.size() == known_folders_max) known_folders_.clear();
  known_folders_.insert(folder);
}

}  // namespace cadastre
