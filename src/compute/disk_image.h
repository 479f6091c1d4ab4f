// Disks of guests, made by qemu-img.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/quantity.h"
#include "base/result.h"
#include "base/time.h"
#include "domain/guest.h"

namespace cadastre {

/// What `qemu-img info` says of an image, as far as it matters.
struct ImageFacts {
  std::int64_t virtual_bytes = 0;
  bool refers_to_files = false;  ///< It has a backing file or an external data file.
};

/// Reads the output of `qemu-img info --output=json`; nothing when it is not such.
std::optional<ImageFacts> parse_image_info(std::string_view json);

/// Makes the file a qcow2 disk of that size: an overlay of the image, or empty without one. It is there whole or not at
/// all; a disk that is there already stays as it is. Refuses an image that is missing, larger than the disk, or itself
/// refers to other files, for those would be anybody's of the node's.
Result<void> make_disk(const std::string& path, Gigabytes size, const ImageBoot* image, const Clock& clock);

}  // namespace cadastre
