// The handlers of nodes: what agents send (/v1/nodes, heartbeats, wishes, reports), and what a tenant's people ask.
#pragma once

#include "http/call.h"

namespace cadastre::http {

Result<Response> post_node(const Call& call, Tx& tx);
Result<Response> post_heartbeat(const Call& call, Tx& tx);
/// What is wished of the node's VMs. With `after`, the number that an earlier answer had, it waits up to `wait` seconds
/// for another one.
Result<Response> get_wishes(const Call& call, Reader& reader);
Result<Response> post_reports(const Call& call, Tx& tx);

Result<Response> get_nodes(const Call& call, Reader& reader);
Result<Response> get_node(const Call& call, Reader& reader);
Result<Response> cordon_node(const Call& call, Tx& tx);
Result<Response> uncordon_node(const Call& call, Tx& tx);
Result<Response> drain_node(const Call& call, Tx& tx);
Result<Response> remove_node(const Call& call, Tx& tx);
/// Where a VM would go, and why to none of the other nodes. Nothing is reserved.
Result<Response> get_placement(const Call& call, Reader& reader);

}  // namespace cadastre::http
