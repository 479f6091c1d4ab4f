// What this node's guests boot from.
#pragma once

#include <optional>
#include <string>

#include "domain/guest.h"

namespace cadastre {

/// A folder with one folder for each `vm_type`, in which lies either `kernel`, and if there is one `initrd` and
/// `cmdline`, or `disk.qcow2` or `disk.raw`. It is read anew each time, so that an image may be added while the agent
/// runs.
class ImageFolder {
 public:
  /// What boots a type that has no folder of its own, if anything does.
  ImageFolder(std::string folder, std::optional<BootSource> usual);

  /// Refuses a type for which there is nothing. The type is compared with names that are there and becomes part of no
  /// path.
  Result<BootSource> find(const std::string& vm_type) const;

 private:
  const std::string folder_;
  const std::optional<BootSource> usual_;
};

}  // namespace cadastre
