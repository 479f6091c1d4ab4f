#include "service/nodes.h"

#include <fmt/format.h>

#include "service/events.h"
#include "service/placements.h"
#include "service/shared_pool.h"
#include "service/vms.h"

namespace cadastre {
namespace {

constexpr std::size_t vms_of_node_max = 10'000;

bool is_agent_of(const Caller& caller, const Node& node) {
  return caller.device == node.device && caller.subject_key == node.subject_key;
}

Result<void> check_node_id(std::string_view id) {
  if (is_resource_name(id)) return {};
  return refuse_member("node_id", "must have 1 to 63 letters, digits and single '-', and not start or end with '-'");
}

/// Takes over what the machine tells, with a ledger entry when it is news.
void take_facts(Tx& tx, Node& node, const NodeFacts& facts, bool is_news, const Caller& caller, Instant now) {
  node.facts = facts;
  if (is_news) {
    ++node.revision;
    tx.append(node_heartbeat(node, caller), now);
  }
  tx.put(node);
}

Result<ReportOutcome> take_report(Tx& tx, Tenant& tenant, Vm vm, const GuestReport& report, const Caller& caller,
                                  Instant now) {
  const VmState before = vm.state;
  const ReportOutcome outcome = TRY(apply_report(vm, report, now));
  if (outcome == ReportOutcome::gone) forget_vm(tx, tenant, vm, caller, now);
  if (outcome == ReportOutcome::changed) {
    tx.update(vm);
    tx.append(vm_state_changed(vm, before, caller), now);
  }
  return outcome;
}

/// What became of a report that is not of a VM of the node's own tenant.
void take_pool_report(ReportSummary& summary, const GuestReport& report, Result<std::optional<ReportOutcome>> outcome) {
  if (!outcome) return summary.refused.push_back({report.vm, std::move(outcome).error()});
  if (!*outcome) return summary.unknown.push_back(report.vm);
  ++(**outcome == ReportOutcome::nothing ? summary.unchanged : summary.changed);
  summary.waits_for_pool = true;
}

}  // namespace

Result<Node> node(Reader& reader, const TenantId& tenant, std::string_view id) {
  auto found = reader.node(tenant, id);
  if (!found) return refuse(Code::not_found, "node", "There is no such node.");
  return *std::move(found);
}

std::vector<Vm> vms_on(Reader& reader, const Node& node) {
  auto vms = reader.vms(node.tenant, {.node_id = node.id, .limit = vms_of_node_max});
  std::erase_if(vms, [&](const Vm& vm) { return !is_on(vm, node); });
  return vms;
}

Result<Node> own_node(Reader& reader, const Caller& caller, std::string_view id) {
  auto found = TRY(node(reader, caller.tenant, id));
  if (is_agent_of(caller, found)) return found;
  return refuse(Code::forbidden, "node", "The node is another device's.");
}

Result<EnrolledNode> enrol_node(Tx& tx, Services& services, const Caller& caller, std::string_view id,
                                const NodeFacts& facts) {
  TRY(check_node_id(id));
  TRY(check_node_facts(facts));
  auto tenant = TRY(changeable_tenant(tx, caller));
  const Instant now = services.clock.now();
  if (auto known = tx.node(tenant.id, id)) {
    if (!is_agent_of(caller, *known)) {
      return refuse(Code::already_exists, "node_id",
                    "Another machine is enrolled as this node: remove it first, or choose another id.");
    }
    take_facts(tx, *known, facts, is_another_machine_state(known->facts, facts), caller, now);
    return EnrolledNode{*std::move(known), false};
  }
  Node fresh{.tenant = tenant.id,
             .id = std::string(id),
             .device = caller.device,
             .subject_key = caller.subject_key,
             .facts = facts,
             .enrolled_at = now};
  ++tenant.node_count;
  tx.update(tenant);
  tx.append(node_enrolled(fresh, caller), now);
  tx.put(fresh);
  return EnrolledNode{std::move(fresh), true};
}

Result<Node> heartbeat(Tx& tx, Services& services, const Caller& caller, std::string_view id, const NodeFacts& facts) {
  TRY(check_node_facts(facts));
  const auto tenant = TRY(changeable_tenant(tx, caller));
  auto own = TRY(own_node(tx, caller, id));
  const bool is_news = !own.last_heartbeat || is_another_machine_state(own.facts, facts);
  const Instant now = services.clock.now();
  own.last_heartbeat = now;
  take_facts(tx, own, facts, is_news, caller, now);
  place_waiting(tx, services, tenant);
  return node(tx, tenant.id, id);
}

Result<ReportSummary> report_guests(Tx& tx, Services& services, const Caller& caller, std::string_view id,
                                    const std::vector<GuestReport>& reports) {
  auto tenant = TRY(changeable_tenant(tx, caller));
  const auto own = TRY(own_node(tx, caller, id));
  ReportSummary summary;
  bool is_room_free = false;
  for (const GuestReport& report : reports) {
    auto vm = tx.vm(tenant.id, report.vm);
    if (!vm || !is_on(*vm, own)) {
      take_pool_report(summary, report, keep_pool_report(tx, own, report));
      continue;
    }
    auto outcome = take_report(tx, tenant, *std::move(vm), report, caller, services.clock.now());
    if (!outcome) {
      summary.refused.push_back({report.vm, std::move(outcome).error()});
      continue;
    }
    ++(*outcome == ReportOutcome::nothing ? summary.unchanged : summary.changed);
    is_room_free = is_room_free || *outcome == ReportOutcome::gone;
  }
  if (is_room_free) place_waiting(tx, services, tenant);
  return summary;
}

Result<Node> cordon_node(Tx& tx, Services& services, const Caller& caller, std::string_view id, bool cordoned) {
  const auto tenant = TRY(changeable_tenant(tx, caller));
  auto found = TRY(node(tx, tenant.id, id));
  if (found.cordoned == cordoned) return found;
  found.cordoned = cordoned;
  ++found.revision;
  tx.put(found);
  tx.append(node_cordoned(found, caller), services.clock.now());
  if (!cordoned) place_waiting(tx, services, tenant);
  return node(tx, tenant.id, id);
}

Result<Node> drain_node(Tx& tx, Services& services, const Caller& caller, std::string_view id) {
  const auto drained = TRY(cordon_node(tx, services, caller, id, true));
  for (const Vm& vm : vms_on(tx, drained)) {
    if (vm.state != VmState::deleting) TRY(wish_vm(tx, services, caller, vm.id.text(), VmWish::stop));
  }
  drain_pool_node(tx, drained);
  return node(tx, drained.tenant, id);
}

Result<void> remove_node(Tx& tx, Services& services, const Caller& caller, std::string_view id, bool is_lost,
                         const Precondition& if_match) {
  auto tenant = TRY(changeable_tenant(tx, caller));
  const auto found = TRY(node(tx, tenant.id, id));
  if (!if_match.holds(found.revision)) {
    return refuse(Code::precondition_failed, "If-Match", "The node has changed since: read it again and repeat.");
  }
  const Instant now = services.clock.now();
  if (found.placed.vms > VmCount{0} && !is_lost) {
    return refuse(
        Code::conflict, "node",
        fmt::format("{} VMs are on the node: drain it and delete them, or, when its machine is gone for good, "
                    "repeat with ?lost=true.",
                    found.placed.vms.value));
  }
  for (Vm& vm : vms_on(tx, found)) {
    if (vm.state == VmState::deleting) {
      forget_vm(tx, tenant, vm, caller, now);
      continue;
    }
    const VmState before = vm.state;
    lose_node(vm);
    tx.update(vm);
    tx.append(vm_state_changed(vm, before, caller), now);
  }
  lose_pool_node(tx, found);
  --tenant.node_count;
  tx.update(tenant);
  tx.erase_node(tenant.id, found.id);
  tx.append(node_removed(found, caller), now);
  return {};
}

}  // namespace cadastre
