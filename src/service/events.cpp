#include "service/events.h"

namespace cadastre {
namespace {

EventValue limit_of(const auto& limit) {
  if (!limit) return nullptr;
  return limit->value;
}

EventValue::Object quota_facts(const Quota& quota) {
  return {{"max_vms", quota.max_vms.value},
          {"storage_quota_gb", quota.storage.value},
          {"api_rate_limit_rpm", quota.api_rate.value},
          {"max_ram_mb", limit_of(quota.max_ram)},
          {"max_vcpus", limit_of(quota.max_vcpus)}};
}

Event event_of(EventType type, const TenantId& tenant, const Caller& caller, EventValue::Object data) {
  return {.type = type,
          .tenant = tenant,
          .actor = actor_of(caller),
          .request_id = caller.request_id,
          .data = std::move(data)};
}

EventValue::Object token_facts(const IssuedToken& token) {
  EventValue::Object facts{{"token_id", encode_base64url(token.id)},
                           {"rid", encode_base64url(token.rid)},
                           {"scope", token.scope},
                           {"subject_key", encode_base64url(token.subject_key)}};
  if (!token.device.empty()) facts.emplace_back("device_id", token.device);
  return facts;
}

EventValue::Object device_facts(const Device& device) {
  return {{"device_id", device.id}, {"scope", device.scope}, {"subject_key", encode_base64url(device.subject_key)}};
}

EventValue::Object image_facts(const ImageFacts& image) {
  EventValue::Object facts{{"name", image.name},
                           {"format", name_of(image.format)},
                           {"sha256", encode_hex(image.file.sha256)},
                           {"size_bytes", image.file.size_bytes}};
  if (image.initrd) facts.emplace_back("initrd_sha256", encode_hex(image.initrd->sha256));
  return facts;
}

/// What a replacement is made to change.
EventValue::Object reach_of(const IssuedToken& token) {
  return {{"scope", token.scope}, {"expires_at", ms_since_epoch(token.expires_at)}};
}

}  // namespace

Event tenant_created(const Tenant& tenant, const Caller& caller) {
  return event_of(EventType::tenant_created, tenant.id, caller,
                  {{"quota", quota_facts(tenant.quota)}, {"vkey", tenant.vkey}});
}

Event tenant_updated(const Tenant& tenant, const Caller& caller) {
  return event_of(EventType::tenant_updated, tenant.id, caller, {{"changed", EventValue::Array{"display_name"}}});
}

Event tenant_quota_changed(const Tenant& before, const Tenant& after, const Caller& caller) {
  return event_of(EventType::tenant_quota_changed, after.id, caller,
                  {{"before", quota_facts(before.quota)}, {"after", quota_facts(after.quota)}});
}

Event tenant_state_changed(const Tenant& tenant, const Caller& caller) {
  const auto type = tenant.state == TenantState::active      ? EventType::tenant_resumed
                    : tenant.state == TenantState::suspended ? EventType::tenant_suspended
                                                             : EventType::tenant_deleted;
  return event_of(type, tenant.id, caller, {});
}

Event vm_created(const Vm& vm, const Caller& caller) {
  EventValue::Object data{{"vm_id", vm.id.text()},
                          {"vm_type", vm.vm_type},
                          {"ram_mb", vm.ram.value},
                          {"vcpu_count", vm.vcpus.value},
                          {"disk_gb", vm.disk.value}};
  if (vm.restart_policy != RestartPolicy::never) data.emplace_back("restart_policy", name_of(vm.restart_policy));
  if (!vm.node_id.empty()) data.emplace_back("node_id", vm.node_id);
  return event_of(EventType::vm_created, vm.tenant, caller, std::move(data));
}

Event vm_wished(const Vm& vm, const Caller& caller) {
  const auto type = vm.wish == VmWish::run ? EventType::vm_started : EventType::vm_stopped;
  return event_of(type, vm.tenant, caller, {{"vm_id", vm.id.text()}});
}

Event vm_rebooted(const Vm& vm, const Caller& caller) {
  return event_of(EventType::vm_started, vm.tenant, caller, {{"vm_id", vm.id.text()}, {"reboots", vm.reboots}});
}

Event vm_deleted(const Vm& vm, const Caller& caller) {
  return event_of(EventType::vm_deleted, vm.tenant, caller, {{"vm_id", vm.id.text()}, {"disk_gb", vm.disk.value}});
}

Event vm_state_changed(const Vm& vm, VmState before, const Caller& caller) {
  EventValue::Object data{{"vm_id", vm.id.text()}, {"before", name_of(before)}, {"after", name_of(vm.state)}};
  if (!vm.node_id.empty()) data.emplace_back("node_id", vm.node_id);
  if (!vm.error.empty()) data.emplace_back("error", vm.error);
  return event_of(EventType::vm_state_changed, vm.tenant, caller, std::move(data));
}

Event vm_placed(const Vm& vm) {
  EventValue::Object data{
      {"vm_id", vm.id.text()}, {"before", name_of(vm.state)}, {"after", name_of(vm.state)}, {"node_id", vm.node_id}};
  if (vm.pool) data.emplace_back("shared_pool", true);
  return event_of(EventType::vm_state_changed, vm.tenant, system_caller(vm.tenant), std::move(data));
}

Event node_enrolled(const Node& node, const Caller& caller) {
  return event_of(
      EventType::node_enrolled, node.tenant, caller,
      {{"node_id", node.id}, {"device_id", node.device}, {"subject_key", encode_base64url(node.subject_key)}});
}

Event node_heartbeat(const Node& node, const Caller& caller) {
  return event_of(EventType::node_heartbeat, node.tenant, caller,
                  {{"node_id", node.id},
                   {"boot_id", node.facts.boot_id},
                   {"ram_total_mb", node.facts.ram_total.value},
                   {"cpu_cores", node.facts.cores.value},
                   {"disk_total_gb", node.facts.disk_total.value},
                   {"kvm_available", node.facts.kvm_available},
                   {"reserved", node.facts.reserved}});
}

Event node_cordoned(const Node& node, const Caller& caller) {
  return event_of(EventType::node_cordoned, node.tenant, caller, {{"node_id", node.id}, {"cordoned", node.cordoned}});
}

Event node_removed(const Node& node, const Caller& caller) {
  return event_of(EventType::node_removed, node.tenant, caller, {{"node_id", node.id}, {"device_id", node.device}});
}

Event image_added(const Image& image, const Caller& caller) {
  return event_of(EventType::image_added, image.tenant, caller, image_facts(image.facts));
}

Event image_removed(const Image& image, const Caller& caller) {
  return event_of(EventType::image_removed, image.tenant, caller, image_facts(image.facts));
}

Event ssh_key_added(const SshKey& key, const std::string& fingerprint, const Caller& caller) {
  return event_of(EventType::ssh_key_added, key.tenant, caller, {{"name", key.name}, {"fingerprint", fingerprint}});
}

Event ssh_key_removed(const SshKey& key, const std::string& fingerprint, const Caller& caller) {
  return event_of(EventType::ssh_key_removed, key.tenant, caller, {{"name", key.name}, {"fingerprint", fingerprint}});
}

Event token_issued(const IssuedToken& token, Actor actor, std::string request_id) {
  auto data = token_facts(token);
  data.emplace_back("expires_at", ms_since_epoch(token.expires_at));
  if (actor.kind == local_command) data.emplace_back("name", token.label);
  return {.type = EventType::token_issued,
          .tenant = token.tenant,
          .actor = std::move(actor),
          .request_id = std::move(request_id),
          .data = std::move(data)};
}

Event token_revoked(const IssuedToken& token, const Caller& caller) {
  return event_of(EventType::token_revoked, token.tenant, caller, token_facts(token));
}

Event token_revoked_for(const IssuedToken& before, const IssuedToken& after, const Caller& caller) {
  auto data = token_facts(before);
  data.emplace_back("replaced_by", encode_base64url(after.id));
  return event_of(EventType::token_revoked, before.tenant, caller, std::move(data));
}

Event token_issued_for(const IssuedToken& before, const IssuedToken& after, const Caller& caller) {
  auto event = token_issued(after, actor_of(caller), caller.request_id);
  event.data.emplace_back("replaces", encode_base64url(before.id));
  event.data.emplace_back("before", reach_of(before));
  event.data.emplace_back("after", reach_of(after));
  return event;
}

Event rid_revoked(const TenantId& tenant, const RevocationId& rid, const Caller& caller) {
  return event_of(EventType::token_revoked, tenant, caller, {{"rid", encode_base64url(rid)}});
}

Event key_revoked(const TenantId& tenant, const Bytes<32>& key, const Caller& caller) {
  return event_of(EventType::token_revoked, tenant, caller, {{"all_of_key", encode_base64url(key)}});
}

Event generation_revoked(const Tenant& tenant, const Caller& caller) {
  return event_of(EventType::token_revoked, tenant.id, caller, {{"all_before_generation", tenant.generation}});
}

Event signing_key_changed(std::string_view change, std::string_view kid, std::string_view before, Actor actor) {
  EventValue::Object data{{"purpose", "token-issuer"}, {"change", change}, {"kid", kid}};
  if (!before.empty()) data.emplace_back("before", before);
  return {.type = EventType::key_rotated,
          .tenant = TenantId::platform(),
          .actor = std::move(actor),
          .request_id = {},
          .data = std::move(data)};
}

Event ledger_key_rotated(const TenantId& tenant, std::string_view before, std::string_view after, Actor actor) {
  return {.type = EventType::key_rotated,
          .tenant = tenant,
          .actor = std::move(actor),
          .request_id = "",
          .data = {{"purpose", "ledger"}, {"before", before}, {"vkey", after}}};
}

Event ledger_key_rotated_of(const LogId& log, const PublicKey& before, const PublicKey& after, Actor actor) {
  return {.type = EventType::key_rotated,
          .tenant = TenantId::platform(),
          .actor = std::move(actor),
          .request_id = "",
          .data = {{"purpose", "ledger"},
                   {"log_id", encode_hex(log)},
                   {"before", encode_base64url(before)},
                   {"after", encode_base64url(after)}}};
}

Event link_seen(const SeenLink& link, std::string request_id) {
  return {.type = EventType::token_link_seen,
          .tenant = link.tenant,
          .actor = {.kind = "system"},
          .request_id = std::move(request_id),
          .data = {{"rid", encode_base64url(link.rid)},
                   {"parent", encode_base64url(link.parent)},
                   {"root", encode_base64url(link.root)},
                   {"depth", link.depth},
                   {"scope", link.scope},
                   {"subject_key", encode_base64url(link.subject_key)},
                   {"expires_at", ms_since_epoch(link.expires_at)}}};
}

Event session_opened(const Session& session, const Caller& caller) {
  return event_of(EventType::session_open, session.tenant, caller,
                  {{"session_id", encode_base64url(session.id)},
                   {"scope", session.scope},
                   {"browser", session.is_browser},
                   {"expires_at", ms_since_epoch(session.expires_at)},
                   {"idle_timeout_seconds", session.idle_s}});
}

Event session_closed(const Session& session, std::string_view reason, Instant ended_at, Actor actor,
                     std::string request_id) {
  const auto lasted = std::chrono::floor<std::chrono::seconds>(ended_at - session.opened_at);
  return {.type = EventType::session_close,
          .tenant = session.tenant,
          .actor = std::move(actor),
          .request_id = std::move(request_id),
          .data = {{"session_id", encode_base64url(session.id)},
                   {"token_id", session.token_id},
                   {"reason", reason},
                   {"duration_s", std::int64_t{lasted.count()}}}};
}

Event device_enrolled(const Device& device, Actor actor, std::string request_id) {
  auto data = device_facts(device);
  data.emplace_back("state", name_of(device.state));
  data.emplace_back("enrolled_by", device.enrolled_by);
  return {.type = EventType::device_enrolled,
          .tenant = device.tenant,
          .actor = std::move(actor),
          .request_id = std::move(request_id),
          .data = std::move(data)};
}

Event device_removed(const Device& device, const Caller& caller) {
  return event_of(EventType::device_removed, device.tenant, caller, device_facts(device));
}

Event ledger_read(const TenantId& tenant, const Caller& caller) {
  return event_of(EventType::ledger_read, tenant, caller, {});
}

}  // namespace cadastre
