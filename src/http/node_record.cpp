#include "http/node_record.h"

#include "http/answer.h"

namespace cadastre::http {

void append_node(std::string& out, const Node& node, Instant now) {
  const NodeFacts& facts = node.facts;
  json::Object object(out);
  object.field("node_id", node.id)
      .field("tenant_id", node.tenant.text())
      .field("device_id", node.device)
      .field("hostname", facts.hostname)
      .field("status", name_of(status_of(node, now)))
      .field("cordoned", node.cordoned)
      .field("ram_total_mb", facts.ram_total.value)
      .field("ram_used_mb", facts.ram_used.value)
      .field("ram_available_mb", ram_available(node).value)
      .field("cpu_cores", facts.cores.value)
      .field("cpu_load_pct", facts.cpu_load_pct)
      .field("disk_total_gb", facts.disk_total.value)
      .field("disk_available_gb", disk_available(node).value)
      .field("vm_count", node.placed.vms.value)
      .field("kvm_available", facts.kvm_available)
      .field("reserved", facts.reserved);
  append_time(object.key("enrolled_at"), node.enrolled_at);
  append_time(object.key("last_heartbeat"), node.last_heartbeat);
  object.end();
}

namespace {

void append_verdict(std::string& out, const NodeAdvice& advice) {
  json::Object object(out);
  object.field("node_id", advice.node.id).field("fits", advice.reason.empty());
  object.field_or_null("reason", advice.reason);
  object.field("shared_pool", advice.is_of_pool);
  if (advice.is_of_pool)
    object.null("ram_available_mb");
  else
    object.field("ram_available_mb", ram_available(advice.node).value);
  object.end();
}

}  // namespace

void append_placement(std::string& out, const std::vector<NodeAdvice>& advice) {
  json::Object object(out);
  if (advice.empty() || !advice.front().reason.empty())
    object.null("node_id").null("shared_pool");
  else
    object.field("node_id", advice.front().node.id).field("shared_pool", advice.front().is_of_pool);
  std::string& nodes = object.key("nodes");
  nodes += '[';
  for (const NodeAdvice& each : advice) {
    if (nodes.back() != '[') nodes += ',';
    append_verdict(nodes, each);
  }
  nodes += ']';
  object.end();
}

}  // namespace cadastre::http
