// Where the files of guests lie: one folder for each, named by the VM's id alone.
#pragma once

#include <string>
#include <system_error>
#include <vector>

#include "domain/vm.h"

namespace cadastre {

/// `ROOT/<vm id>/` with the guest's disk and console. Everything throws std::filesystem::filesystem_error when the file
/// system refuses.
class GuestFolder {
 public:
  /// Makes the root, for its owner alone, when it is missing. Requires an absolute path.
  explicit GuestFolder(std::string root);
  const std::string& root() const { return root_; }
  std::string disk(const VmId& id) const { return path(id) + "/disk.qcow2"; }
  std::string seed(const VmId& id) const { return path(id) + "/seed.iso"; }
  std::string console(const VmId& id) const { return path(id) + "/console.log"; }
  /// Makes the guest's folder, for its owner alone.
  void create(const VmId& id) const;
  /// Deletes the guest's folder and all in it; a missing one is no trouble.
  void remove(const VmId& id) const;
  /// The same, and says what stood in the way in place of throwing.
  void remove(const VmId& id, std::error_code& error) const;
  /// The guests that have a folder, without order. What has no id for a name is none of ours.
  std::vector<VmId> ids() const;
  /// The last 64 KiB of the console, the piece that virtlogd put aside included.
  std::string console_tail(const VmId& id) const;

 private:
  std::string path(const VmId& id) const { return root_ + '/' + id.text(); }
  std::string root_;
};

}  // namespace cadastre
