// The handlers of images (/v1/images), and how an image looks on the wire.
#pragma once

#include "http/call.h"

namespace cadastre::http {

Result<Response> post_image(const Call& call, Tx& tx);
Result<Response> get_images(const Call& call, Reader& reader);
Result<Response> get_image(const Call& call, Reader& reader);
Result<Response> remove_image(const Call& call, Tx& tx);

/// What a node needs of an image: `{format, url, sha256, size_bytes, initrd, cmdline, min_disk_gb}`.
void append_image_source(std::string& out, const Image& image);

}  // namespace cadastre::http
