// Files that are on the disk when a function returns, or the process has stopped.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/descriptor.h"
#include "service/ports.h"

namespace cadastre::files {

/// An open file.
class Handle {
 public:
  /// open(2), closed on exec. Throws StoreFailure naming the file.
  Handle(const std::string& path, int flags, unsigned mode = 0);
  static Handle own(int descriptor) { return Handle(Descriptor(descriptor)); }
  int descriptor() const { return descriptor_.number(); }

 private:
  friend void write_all(const Handle& file, std::string_view bytes, const std::string& path);
  explicit Handle(Descriptor descriptor) : descriptor_(std::move(descriptor)) {}
  Descriptor descriptor_;
};

/// What errno says of a failed call on that file.
StoreFailure failure_of(std::string_view call, std::string_view path);

/// The whole file, or nothing when it or its folder is missing. Throws StoreFailure on any other trouble, on a symbolic
/// link and on a file above `bytes_max`.
std::optional<std::string> read_file(const std::string& path, std::size_t bytes_max);
void write_all(const Handle& file, std::string_view bytes, const std::string& path);

/// fdatasync(2). Stops the process when it fails: what the kernel then holds of the file is unknown, and asking again
/// would answer yes (LEDGER.md section 3).
void sync_data(const Handle& file, const std::string& path);
/// fsync(2) of a folder, so that the names in it last. Stops the process when it fails.
void sync_folder(const std::string& path);
/// syncfs(2): all that was written to the file system which `folder` lies on, data, names and folders, by whomever.
/// Stops the process when it fails, which it does since Linux 5.8 when anything could not be written back since
/// `folder` was opened: so that is opened before what it is to answer for is written.
void sync_file_system(const Handle& folder, const std::string& path);
/// The folder that holds `path`, which is absolute.
std::string parent_of(std::string_view path);
/// Absolute, without `.`, `..` and a last slash.
std::string absolute_path(std::string_view path);

/// Writes a new file of that mode and syncs its data. A file that is there already is replaced.
void write_file(const std::string& path, std::string_view bytes, unsigned mode);
/// The same without the sync, when `sync_file_system` follows.
void write_file_unsynced(const std::string& path, std::string_view bytes, unsigned mode);
/// Renames within one file system, over what is there, and syncs the target's folder.
void move_over(const std::string& from, const std::string& to);

}  // namespace cadastre::files
