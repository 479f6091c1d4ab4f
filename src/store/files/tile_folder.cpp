#include "store/files/tile_folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <memory>
#include <utility>

#include "base/threads.h"
#include "store/published_path.h"

namespace cadastre {
namespace {

using files::failure_of;
using files::parent_of;

constexpr std::size_t file_bytes_max = 32U << 20U;     // a bundle has at most 256 entries of 64 KiB
constexpr std::size_t known_folders_max = 16U << 10U;  // then they are forgotten, at the price of an fsync each
constexpr unsigned published_mode = 0444;
constexpr unsigned folder_mode = 0755;
constexpr std::size_t syncs_at_once = 16;  // an fsync waits, it does not work
constexpr std::size_t writers_max = 4;     // they take turns at `new/`: more would wait for each other

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

void expect_equal(const std::string& path, std::string_view found, std::string_view bytes) {
  if (found != bytes) throw StoreFailure(path + ": published before with other bytes");
}

/// The file may be what a process left that stopped before it was safe on the disk.
void accept_equal(const std::string& path, std::string_view found, std::string_view bytes) {
  expect_equal(path, found, bytes);
  files::sync_data(files::Handle(path, O_RDONLY), path);
  files::sync_folder(parent_of(path));
}

/// Makes the folder and those above it, without a sync.
void make_folders(const std::string& folder) {
  if (::mkdir(folder.c_str(), folder_mode) == 0 || errno == EEXIST) return;
  if (errno != ENOENT) throw failure_of("mkdir", folder);
  make_folders(parent_of(folder));
  if (::mkdir(folder.c_str(), folder_mode) != 0 && errno != EEXIST) throw failure_of("mkdir", folder);
}

bool is_folder(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

/// Calls `work` with the number of each file that nothing has stopped yet, and keeps what stops it.
void attempt_each(FileFailures& failures, std::size_t threads, const std::function<void(std::size_t)>& work) {
  in_threads(failures.size(), threads, [&](std::size_t file) {
    if (failures[file]) return;
    try {
      work(file);
    } catch (const std::exception&) {
      failures[file] = std::current_exception();
    }
  });
}

}  // namespace

/// A file that has no name among the published ones yet; gone with this object when it never gets one.
class TileFolder::NewFile {
 public:
  NewFile() = default;
  explicit NewFile(std::string path) : path_(std::move(path)) {}
  NewFile(NewFile&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  NewFile& operator=(NewFile&& other) noexcept {
    std::swap(path_, other.path_);
    return *this;
  }
  ~NewFile() {
    if (is_there()) ::unlink(path_.c_str());
  }
  bool is_there() const { return !path_.empty(); }
  const std::string& path() const { return path_; }

  /// False when the name is taken and that file is to be kept.
  bool move_to(const std::string& target, Existing existing) {
    if (existing == Existing::kept && !move_to_free_name(path_, target)) return false;
    if (existing == Existing::replaced && ::rename(path_.c_str(), target.c_str()) != 0) {
      throw failure_of("rename", target);
    }
    path_.clear();
    return true;
  }

 private:
  std::string path_;
};

TileFolder::TileFolder(std::string_view root, TileFolderSettings settings)
    : root_(files::absolute_path(root)), new_files_(root_ + "/new"), settings_(settings) {}

std::string TileFolder::folder_of(const TenantId& tenant, const LogId& log) const {
  return tenant.is_platform() ? root_ + "/platform" : fmt::format("{}/logs/{}", root_, encode_hex(log));
}

std::string TileFolder::path_of(const TenantId& tenant, const LogId& log, std::string_view path) const {
  expect_published_path(path);
  return fmt::format("{}/{}", folder_of(tenant, log), path);
}

std::optional<std::string> TileFolder::read(const TenantId& tenant, const LogId& log, std::string_view path) {
  return files::read_file(path_of(tenant, log, path), file_bytes_max);
}

FileFailures TileFolder::create(std::span<const PublishedFile> files) { return put(files, Existing::kept); }

FileFailures TileFolder::replace(std::span<const PublishedFile> files) { return put(files, Existing::replaced); }

FileFailures TileFolder::put(std::span<const PublishedFile> files, Existing existing) {
  FileFailures failures(files.size());
  if (files.empty()) return failures;
  std::call_once(prepared_, [this] { prepare(); });
  if (files.size() <= settings_.files_synced_alone_max) {
    attempt_each(failures, syncs_at_once, [&](std::size_t file) { put_alone(files[file], existing); });
  } else {
    put_together(files, existing, failures);
  }
  return failures;
}

void TileFolder::put_alone(const PublishedFile& file, Existing existing) {
  const std::string target = path_of(file);
  ensure_folder(parent_of(target));
  const auto found = existing == Existing::kept ? files::read_file(target, file_bytes_max) : std::nullopt;
  if (found) return accept_equal(target, *found, file.bytes);
  NewFile written(name_of_new_file());
  files::write_file(written.path(), file.bytes, published_mode);
  if (written.move_to(target, existing)) return files::sync_folder(parent_of(target));
  // another thread was faster
  accept_equal(target, files::read_file(target, file_bytes_max).value_or(""), file.bytes);
}

/// Two syncs for all: the first before any name points at the data, the second for the names, for the folders that hold
/// them, and for what was found equal.
void TileFolder::put_together(std::span<const PublishedFile> files, Existing existing, FileFailures& failures) {
  const std::size_t writers = std::min(core_count(), writers_max);
  std::vector<NewFile> written(files.size());
  attempt_each(failures, writers, [&](std::size_t file) {
    const std::string target = path_of(files[file]);
    const auto found = existing == Existing::kept ? files::read_file(target, file_bytes_max) : std::nullopt;
    if (found) return expect_equal(target, *found, files[file].bytes);
    written[file] = NewFile(name_of_new_file());
    files::write_file_unsynced(written[file].path(), files[file].bytes, published_mode);
  });
  files::sync_file_system(*file_system_, root_);
  attempt_each(failures, writers, [&](std::size_t file) {
    if (!written[file].is_there()) return;
    const std::string target = path_of(files[file]);
    if (!is_folder(parent_of(target))) make_folders(parent_of(target));
    if (written[file].move_to(target, existing)) return;
    expect_equal(target, files::read_file(target, file_bytes_max).value_or(""), files[file].bytes);
  });
  files::sync_file_system(*file_system_, root_);
}

void TileFolder::remove(const TenantId& tenant, const LogId& log, std::string_view folder) {
  const std::string target = path_of(tenant, log, folder);
  for (const std::string& name : file_names(target)) {
    const std::string file = target + '/' + name;
    if (::unlink(file.c_str()) != 0 && errno != ENOENT) throw failure_of("unlink", file);
  }
  ::rmdir(target.c_str());  // refused while it holds anything
}

std::vector<std::string> TileFolder::list(const TenantId& tenant, const LogId& log, std::string_view folder) {
  return file_names(path_of(tenant, log, folder));
}

std::vector<std::string> TileFolder::paths(const TenantId& tenant, const LogId& log) const {
  const std::filesystem::path folder = folder_of(tenant, log);
  std::vector<std::string> found;
  if (!std::filesystem::exists(folder)) return found;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (!entry.is_directory()) found.push_back(entry.path().lexically_relative(folder).string());
  }
  std::ranges::sort(found);
  return found;
}

std::string TileFolder::name_of_new_file() { return fmt::format("{}/{}", new_files_, ++new_file_number_); }

void TileFolder::prepare() {
  ensure_folder(new_files_);
  for (const std::string& name : file_names(new_files_)) {  // left by a process that was stopped
    const std::string path = new_files_ + '/' + name;
    if (::unlink(path.c_str()) != 0) throw failure_of("unlink", path);
  }
  file_system_.emplace(root_, O_RDONLY | O_DIRECTORY);
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
