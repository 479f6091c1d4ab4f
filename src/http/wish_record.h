// How a wish looks on the wire: what a node's agent is told of one VM.
#pragma once

#include <string>

#include "service/wishes.h"

namespace cadastre::http {

/// The wishes as an array: of each VM what is wished of it, its image, or null when no catalogue has one,
/// and the SSH keys that it lets in.
void append_wishes(std::string& out, const WishedVms& wishes);

}  // namespace cadastre::http
