// An image: what the disk of a VM of its name is made from, or the kernel that such a VM boots. It is named once, and
// never changed: whoever has checked its digest has what everybody else has.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/quantity.h"
#include "base/result.h"
#include "base/time.h"
#include "domain/tenant_id.h"

namespace cadastre {

enum class ImageFormat { qcow2, raw, kernel };

/// As the API spells it: `qcow2`.
std::string_view name_of(ImageFormat format);

/// A file of an image as whoever adds it describes it; `check_image` says whether it can be one.
struct ImageFileOrder {
  std::string url;
  std::string sha256;
  std::int64_t size_bytes = 0;
};

struct ImageOrder {
  std::string name;
  std::string format;
  ImageFileOrder file;
  std::optional<ImageFileOrder> initrd;
  std::optional<std::string> cmdline;
  Gigabytes min_disk;
};

/// Where a node gets a file, and what proves that it is the right one.
struct ImageFile {
  std::string url;
  Bytes<32> sha256{};
  std::int64_t size_bytes = 0;
};

struct ImageFacts {
  std::string name;
  ImageFormat format = ImageFormat::qcow2;
  ImageFile file;
  std::optional<ImageFile> initrd;  ///< Only of a kernel.
  std::string cmdline;              ///< Only of a kernel; empty: none.
  Gigabytes min_disk;               ///< No VM with a smaller disk can be made from it; 0: any.
};

struct Image {
  TenantId tenant;  ///< Whose catalogue it is in; TenantId::platform() for the one that is offered to all.
  ImageFacts facts;
  Instant created_at;
  std::string created_by;  ///< The id of the token under which it was added.
};

/// Reads what was ordered. Refuses, with every wrong member: a name that no `vm_type` can have, a URL that is not a
/// plain one of http or https or carries user information, a digest that is not 64 lower-case hex digits, sizes out of
/// bounds, and an initrd or a command line of what is not a kernel.
Result<ImageFacts> check_image(const ImageOrder& order);

/// The ETag's number: of two images that had the same name one after the other it is not the same.
std::int64_t revision_of(const Image& image);

}  // namespace cadastre
