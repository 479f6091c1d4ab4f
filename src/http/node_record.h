// How a node and a verdict about it look on the wire.
#pragma once

#include <string>

#include "domain/placement.h"

namespace cadastre::http {

/// The node record: who it is, what it has, what is left, when it was heard of.
void append_node(std::string& out, const Node& node, Instant now);

/// `{node_id, fits, reason, ram_available_mb}`; the reason is null when the VM fits.
void append_verdict(std::string& out, const Node& node, const NodeVerdict& verdict);

}  // namespace cadastre::http
