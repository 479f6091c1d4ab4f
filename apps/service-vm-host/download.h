// Fetches files of images from where the catalogue says, by libcurl.
#pragma once

#include <stop_token>
#include <string>

#include "base/result.h"
#include "service/control_plane_port.h"

namespace cadastre {

/// Where downloads go beside what the system trusts.
struct DownloadSettings {
  std::string ca_file;  ///< For https, beside the system's; empty: those alone.
};

/// Writes the file to the path, and returns when its bytes are durable and have the length and the SHA-256 that it is
/// known by. Nothing but http and https is spoken, redirects (at most 5) included. A transfer of less than 1 KiB a
/// second for a minute is given up. What may pass is tried three times. Refuses `unavailable` what may work later, and
/// `invalid_field` a file that is another one. Ends within a second when it is to stop.
Result<void> download(const ImageFile& file, const std::string& path, const std::stop_token& stop,
                      const DownloadSettings& settings);

}  // namespace cadastre
