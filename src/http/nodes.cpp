#include "http/nodes.h"

#include <fmt/format.h>

#include <algorithm>

#include "http/answer.h"
#include "http/body.h"
#include "http/node_record.h"
#include "http/page.h"
#include "http/problem.h"
#include "http/wish_record.h"
#include "service/nodes.h"
#include "service/placements.h"
#include "service/shared_pool.h"

namespace cadastre::http {
namespace {

constexpr std::int64_t wait_max_s = 25;  // below what proxies and clients cut off

/// What an order and a heartbeat have in common.
struct NodeBody {
  std::string node_id;
  NodeFacts facts;
};

/// The load in whole per cent; agents may send fractions.
std::int64_t take_load(Body& body) {
  const json::Value* const load = body.raw("cpu_load_pct");
  if (load == nullptr) return 0;
  if (load->kind != json::Kind::number) {
    body.wrong("/cpu_load_pct", "must be a number");
    return 0;
  }
  json::Value whole = *load;
  whole.text.resize(std::min(whole.text.size(), whole.text.find('.')));
  return body.integer_of("cpu_load_pct", whole);
}

NodeBody take_node(Body& body) {
  NodeBody node{.node_id = body.text("node_id")};
  NodeFacts& facts = node.facts;
  facts.hostname = body.text("hostname");
  facts.boot_id = body.optional_text("boot_id").value_or("");
  facts.ram_total = Mebibytes{body.integer("ram_total_mb")};
  facts.ram_used = Mebibytes{body.optional_integer("ram_used_mb").value_or(0)};
  facts.cores = VcpuCount{body.integer("cpu_cores")};
  facts.cpu_load_pct = take_load(body);
  facts.disk_total = Gigabytes{body.integer("disk_total_gb")};
  facts.disk_used = Gigabytes{body.optional_integer("disk_used_gb").value_or(0)};
  facts.kvm_available = body.flag("kvm_available", false);
  facts.reserved = body.flag("reserved", false);
  return node;
}

/// The guests that a heartbeat names: ids, or objects with `vm_id`.
std::vector<std::string> take_guests(Body& body) {
  std::vector<std::string> ids;
  const json::Value* const guests = body.raw("vms");
  if (guests == nullptr) return ids;
  if (guests->kind != json::Kind::array) {
    body.wrong("/vms", "must be an array");
    return ids;
  }
  for (std::size_t i = 0; i < guests->elements.size(); ++i) {
    const json::Value& guest = guests->elements[i];
    const json::Value* const id = guest.kind == json::Kind::object ? guest.find("vm_id") : &guest;
    if (id == nullptr || id->kind != json::Kind::string)
      body.wrong(fmt::format("/vms/{}", i), "must be the id of a VM, or an object with it as vm_id");
    else
      ids.push_back(id->text);
  }
  return ids;
}

void take_timestamp(Body& body) {
  const auto at = body.optional_text("timestamp_utc");
  if (at && !parse_rfc3339(*at)) body.wrong("/timestamp_utc", "must be an RFC 3339 time");
}

Response node_answer(int status, const Node& node, Instant now) {
  Response response{.status = status, .content_type = "application/json"};
  append_etag(response.headers, node.revision);
  append_node(response.body, node, now);
  return response;
}

/// The guests that no VM of this node stands behind, as the heartbeat spelt them.
std::vector<std::string> orphans_among(Reader& reader, const Node& node, const std::vector<std::string>& guests) {
  std::vector<std::string> orphans;
  for (const std::string& id : guests) {
    const auto vm_id = VmId::parse(id);
    const auto vm = vm_id ? reader.vm(node.tenant, *vm_id) : std::nullopt;
    if (vm && is_on(*vm, node)) continue;
    if (!vm_id || !has_pool_room(reader, node, *vm_id)) orphans.push_back(id);
  }
  return orphans;
}

void append_strings(std::string& out, const std::vector<std::string>& texts) {
  out += '[';
  for (const std::string& text : texts) {
    if (&text != texts.data()) out += ',';
    json::append_string(out, text);
  }
  out += ']';
}

void append_refused(std::string& out, const std::vector<RefusedReport>& reports) {
  out += '[';
  for (const auto& [vm, refusal] : reports) {
    if (out.back() != '[') out += ',';
    json::Object(out)
        .field("vm_id", vm.text())
        .field("code", name_of(refusal.code))
        .field("detail", refusal.detail)
        .end();
  }
  out += ']';
}

Result<HostPort> decode_host_port(const json::Value& entry) {
  const auto number = [&](const char* name) -> int {
    const json::Value* const value = entry.find(name);
    const auto port = value != nullptr ? value->integer() : std::nullopt;
    return port && *port >= 1 && *port <= 65535 ? static_cast<int>(*port) : 0;
  };
  const json::Value* const protocol = entry.find("protocol");
  HostPort port{number("host_port"), number("guest_port"), protocol != nullptr ? protocol->text : ""};
  if (port.host_port == 0 || port.guest_port == 0 || (port.protocol != "tcp" && port.protocol != "udp"))
    return refuse_member("host_ports", "must have host_port, guest_port and protocol (tcp or udp)");
  return port;
}

/// Refuses what is no report of a guest; what it may say is `apply_report`'s to decide.
Result<GuestReport> decode_report(const json::Value& entry) {
  const auto text = [&](const char* name) -> std::string {
    const json::Value* const value = entry.find(name);
    return value != nullptr && value->kind == json::Kind::string ? value->text : std::string();
  };
  for (const auto& [name, value] : entry.members) {
    if (name != "vm_id" && name != "generation" && name != "state" && name != "error" && name != "host_ports")
      return refuse(Code::malformed, name, fmt::format("{} is not a member of a report.", name));
  }
  const auto id = VmId::parse(text("vm_id"));
  if (!id) return refuse_member("vm_id", "must be the id of a VM");
  const json::Value* const generation = entry.find("generation");
  const auto number = generation != nullptr ? generation->integer() : std::nullopt;
  if (!number || *number < 0) return refuse_member("generation", "must be an integer from 0 on");
  const auto state = parse_reported_state(text("state"));
  if (!state) return refuse_member("state", "must be running, stopped, failed or absent");
  GuestReport report{.vm = *id, .generation = *number, .state = *state, .error = text("error"), .host_ports = {}};
  if (const json::Value* const ports = entry.find("host_ports")) {
    for (const json::Value& port : ports->elements) report.host_ports.push_back(TRY(decode_host_port(port)));
  }
  return report;
}

Result<std::vector<GuestReport>> decode_reports(const Request& request) {
  Body body = TRY(Body::parse(request));
  const json::Value* const entries = body.raw("vms");
  if (entries == nullptr || entries->kind != json::Kind::array) body.wrong("/vms", "must be an array of reports");
  TRY(body.finish());
  std::vector<GuestReport> reports;
  for (const json::Value& entry : entries->elements) reports.push_back(TRY(decode_report(entry)));
  return reports;
}

Result<Response> cordon(const Call& call, Tx& tx, bool cordoned) {
  TRY(expect_no_body(call.request));
  const auto node = TRY(cadastre::cordon_node(tx, call.services, call.caller, call.path[0], cordoned));
  return node_answer(200, node, call.services.clock.now());
}

}  // namespace

Result<Response> post_node(const Call& call, Tx& tx) {
  Body body = TRY(Body::parse(call.request));
  const auto [id, facts] = take_node(body);
  take_guests(body);
  take_timestamp(body);
  TRY(body.finish());
  const auto enrolled = TRY(enrol_node(tx, call.services, call.caller, id, facts));
  Response response = node_answer(enrolled.is_new ? 201 : 200, enrolled.node, call.services.clock.now());
  if (enrolled.is_new) response.headers += fmt::format("Location: /v1/nodes/{}\r\n", enrolled.node.id);
  return response;
}

Result<Response> post_heartbeat(const Call& call, Tx& tx) {
  Body body = TRY(Body::parse(call.request));
  const auto [id, facts] = take_node(body);
  const auto guests = take_guests(body);
  take_timestamp(body);
  TRY(body.finish());
  const auto node = TRY(heartbeat(tx, call.services, call.caller, id, facts));
  Response response{.status = 200, .content_type = "application/json"};
  json::Object object(response.body);
  object.field("node_id", node.id).field("status", name_of(status_of(node, call.services.clock.now())));
  append_time(object.key("last_heartbeat"), node.last_heartbeat);
  object.field("wishes", node.wishes);
  append_strings(object.key("orphans"), orphans_among(tx, node, guests));
  object.end();
  return response;
}

Result<Response> get_wishes(const Call& call, Reader& reader) {
  const Query query = TRY(Query::parse(call.request.query()));
  const auto after = TRY(query.number("after", std::numeric_limits<std::int64_t>::max()));
  const auto wait = TRY(query.number("wait", wait_max_s));
  const auto node = TRY(own_node(reader, call.caller, call.path[0]));
  Response response{.status = 200, .content_type = "application/json"};
  if (after == node.wishes && wait) response.may_wait = std::chrono::seconds(*wait);
  json::Object object(response.body);
  object.field("node_id", node.id).field("wishes", node.wishes);
  append_wishes(object.key("vms"), wishes_of(reader, node));
  object.end();
  return response;
}

Result<Response> post_reports(const Call& call, Tx& tx) {
  const auto reports = TRY(decode_reports(call.request));
  const auto summary = TRY(report_guests(tx, call.services, call.caller, call.path[0], reports));
  std::vector<std::string> unknown;
  for (const VmId& id : summary.unknown) unknown.push_back(id.text());
  Response response{.status = 200, .content_type = "application/json", .waits_for_pool = summary.waits_for_pool};
  json::Object object(response.body);
  object.field("changed", summary.changed).field("unchanged", summary.unchanged);
  append_strings(object.key("unknown"), unknown);
  append_refused(object.key("refused"), summary.refused);
  object.end();
  return response;
}

Result<Response> get_nodes(const Call& call, Reader& reader) {
  const Query query = TRY(Query::parse(call.request.query()));
  const auto page = TRY(parse_page(query, "nodes"));
  const auto nodes = reader.nodes(call.tenant, {.after = page.after, .limit = page.size + 1});
  const Instant now = call.services.clock.now();
  return list_answer(
      "nodes", nodes, page.size, [now](std::string& out, const Node& node) { append_node(out, node, now); },
      [](const Node& last) { return encode_page_token("nodes", last.id); });
}

Result<Response> get_node(const Call& call, Reader& reader) {
  return node_answer(200, TRY(node(reader, call.tenant, call.path[0])), call.services.clock.now());
}

Result<Response> cordon_node(const Call& call, Tx& tx) { return cordon(call, tx, true); }
Result<Response> uncordon_node(const Call& call, Tx& tx) { return cordon(call, tx, false); }

Result<Response> drain_node(const Call& call, Tx& tx) {
  TRY(expect_no_body(call.request));
  const auto node = TRY(cadastre::drain_node(tx, call.services, call.caller, call.path[0]));
  return node_answer(200, node, call.services.clock.now());
}

Result<Response> remove_node(const Call& call, Tx& tx) {
  const auto if_match = TRY(parse_if_match(call.request));
  const Query query = TRY(Query::parse(call.request.query()));
  const auto lost = query.find("lost");
  if (lost && *lost != "true" && *lost != "false")
    return refuse(Code::malformed, "lost", "lost must be true or false.");
  TRY(cadastre::remove_node(tx, call.services, call.caller, call.path[0], lost == "true", if_match));
  return Response{.status = 204};
}

Result<Response> get_placement(const Call& call, Reader& reader) {
  const Query query = TRY(Query::parse(call.request.query()));
  PlacementOrder order;
  order.ram = Mebibytes{TRY(query.number("ram_mb", limit_max)).value_or(0)};
  order.vcpus = VcpuCount{TRY(query.number("vcpu_count", limit_max)).value_or(1)};
  order.disk = Gigabytes{TRY(query.number("disk_gb", limit_max)).value_or(0)};
  order.prefer_kvm = query.find("prefer_kvm") == "true";
  order.preferred_node = query.find("preferred_node").value_or("");
  Response response{.status = 200, .content_type = "application/json"};
  append_placement(response.body, advise(reader, call.services, call.tenant, order));
  return response;
}

}  // namespace cadastre::http
