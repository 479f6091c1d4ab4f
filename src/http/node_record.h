// How a node and a verdict about it look on the wire.
#pragma once

#include <string>
#include <vector>

#include "service/placements.h"

namespace cadastre::http {

/// The node record: who it is, what it has, what is left, when it was heard of.
void append_node(std::string& out, const Node& node, Instant now);

/// `{node_id, shared_pool, nodes[{node_id, fits, reason, shared_pool, ram_available_mb}]}`: the best, if any can take
/// the VM, and why not the others. Of a node of the shared pool no figure is told.
void append_placement(std::string& out, const std::vector<NodeAdvice>& advice);

}  // namespace cadastre::http
