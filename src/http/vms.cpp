#include "http/vms.h"

#include <fmt/format.h>

#include <algorithm>

#include "http/answer.h"
#include "http/body.h"
#include "http/page.h"
#include "service/tenant_gates.h"
#include "service/vms.h"

namespace cadastre::http {
namespace {

void append_host_ports(std::string& out, const std::vector<HostPort>& ports) {
  out += '[';
  for (const auto& port : ports) {
    if (&port != ports.data()) out += ',';
    json::Object(out)
        .field("host_port", std::int64_t{port.host_port})
        .field("guest_port", std::int64_t{port.guest_port})
        .field("protocol", port.protocol)
        .end();
  }
  out += ']';
}

/// An entry of `ports`: `{"guest_port": 22, "protocol": "tcp"}`, where tcp is understood.
void decode_port(Body& body, const json::Value& entry, std::size_t index, std::vector<PortOrder>& ports) {
  const std::string place = fmt::format("ports/{}", index);
  if (entry.kind != json::Kind::object) return body.wrong("/" + place, "must be an object");
  if (entry.find("guest_port") == nullptr) body.wrong(fmt::format("/{}/guest_port", place), "is required");
  PortOrder port{.guest_port = 0, .protocol = "tcp"};
  for (const auto& [name, value] : entry.members) {
    const std::string member = fmt::format("{}/{}", place, name);
    if (name == "guest_port") {
      port.guest_port = static_cast<int>(std::clamp<std::int64_t>(body.integer_of(member, value), -1, 65536));
    } else if (name != "protocol") {
      body.wrong("/" + member, "is not a member of a port");
    } else if (value.kind == json::Kind::string) {
      port.protocol = value.text;
    } else {
      body.wrong("/" + member, "must be a string");
    }
  }
  ports.push_back(std::move(port));
}

void decode_ports(Body& body, std::vector<PortOrder>& ports) {
  const json::Value* const value = body.raw("ports");
  if (value == nullptr) return;
  if (value->kind != json::Kind::array) return body.wrong("/ports", "must be an array");
  for (std::size_t i = 0; i < value->elements.size(); ++i) decode_port(body, value->elements[i], i, ports);
}

/// A name that is given must have a shape, so the empty one is not "none".
std::string given(const std::optional<std::string>& name) {
  return name ? (name->empty() ? "-" : *name) : std::string();
}

Result<VmOrder> decode_vm_order(const Request& request, const TenantId& tenant) {
  Body body = TRY(Body::parse(request));
  VmOrder order{.vm_type = body.text("vm_type"), .name = given(body.optional_text("name"))};
  order.ram = Mebibytes{body.integer("ram_mb")};
  order.vcpus = VcpuCount{body.integer("vcpu_count")};
  if (const auto disk = body.optional_integer("disk_gb")) order.disk = Gigabytes{*disk};
  order.prefer_kvm = body.flag("prefer_kvm", false);
  order.preferred_node = given(body.optional_text("preferred_node"));
  decode_ports(body, order.ports);
  if (const auto policy = body.optional_text("restart_policy")) order.restart_policy = parse_restart_policy(*policy);
  const auto named = body.optional_text("tenant_id");
  TRY(body.finish());
  if (named && *named != tenant.text()) {
    return refuse(Code::tenant_mismatch, "tenant_id", "The token belongs to another tenant than the body names.");
  }
  return order;
}

Response vm_answer(int status, const Vm& vm) {
  Response response{.status = status, .content_type = "application/json"};
  append_etag(response.headers, vm.revision);
  append_vm(response.body, vm);
  return response;
}

Result<VmQuery> decode_vm_query(const Query& query, const PageRequest& page) {
  VmQuery wanted{.limit = page.size + 1};
  if (const auto state = query.find("state")) {
    wanted.state = parse_vm_state(*state);
    if (!wanted.state) {
      return refuse(Code::invalid_field, "state", "state must be Provisioning, Running, Stopped, Error or Deleting.");
    }
  }
  wanted.node_id = query.find("node_id").value_or("");
  wanted.name = query.find("name").value_or("");
  if (!page.after.empty()) {
    wanted.after = VmId::parse(page.after);
    if (!wanted.after) return refuse(Code::malformed, "page_token", "page_token is not one that this list has given.");
  }
  return wanted;
}

Result<Response> wish(const Call& call, Tx& tx, VmWish wanted) {
  TRY(expect_no_body(call.request));
  return vm_answer(200, TRY(wish_vm(tx, call.services, call.caller, call.path[0], wanted)));
}

Result<Response> render_vms(const Call& call, Reader& reader) {
  const Query query = TRY(Query::parse(call.request.query()));
  const std::string list = fmt::format("vms\n{}\n{}\n{}", query.find("state").value_or(""),
                                       query.find("node_id").value_or(""), query.find("name").value_or(""));
  const auto page = TRY(parse_page(query, list));
  const auto vms = reader.vms(call.tenant, TRY(decode_vm_query(query, page)));
  return list_answer(
      "vms", vms, page.size, [](std::string& out, const Vm& vm) { append_vm(out, vm); },
      [&list](const Vm& last) { return encode_page_token(list, last.id.text()); });
}

}  // namespace

void append_vm(std::string& out, const Vm& vm) {
  json::Object object(out);
  object.field("vm_id", vm.id.text()).field("tenant_id", vm.tenant.text());
  object.field_or_null("name", vm.name);
  object.field("vm_type", vm.vm_type)
      .field("state", name_of(vm.state))
      .field("ram_alloc_mb", vm.ram.value)
      .field("vcpu_count", vm.vcpus.value)
      .field("disk_gb", vm.disk.value)
      .field("restart_policy", name_of(vm.restart_policy));
  object.field_or_null("node_id", vm.node_id);
  object.field("shared_pool", vm.pool.has_value());
  append_host_ports(object.key("host_ports"), vm.host_ports);
  append_time(object.key("created_at"), vm.created_at);
  append_time(object.key("started_at"), vm.started_at);
  object.field_or_null("error", vm.error);
  object.end();
}

Result<Response> post_vm(const Call& call, Tx& tx) {
  const auto order = TRY(decode_vm_order(call.request, call.tenant));
  const auto vm = TRY(create_vm(tx, call.services, call.caller, order));
  Response response = vm_answer(201, vm);
  ((response.headers += "Location: /v1/vms/") += vm.id.text()) += "\r\n";
  return response;
}

Result<Response> get_vms(const Call& call, Reader& reader) {
  if (call.pages == nullptr || !call.request.query().empty()) return render_vms(call, reader);
  const std::int64_t revision =
      call.gate.revision();  // before the rows: a change in between makes the page stale at once
  if (auto kept = call.pages->find(call.tenant, revision)) {
    return Response{.status = 200, .content_type = "application/json", .shared_body = std::move(kept)};
  }
  auto response = TRY(render_vms(call, reader));
  auto body = std::make_shared<const std::string>(std::move(response.body));
  call.pages->put(call.tenant, revision, body);
  return Response{.status = 200, .content_type = "application/json", .shared_body = std::move(body)};
}

Result<Response> get_vm(const Call& call, Reader& reader) {
  return vm_answer(200, TRY(vm(reader, call.tenant, call.path[0])));
}

Result<Response> start_vm(const Call& call, Tx& tx) { return wish(call, tx, VmWish::run); }
Result<Response> stop_vm(const Call& call, Tx& tx) { return wish(call, tx, VmWish::stop); }

Result<Response> reboot_vm(const Call& call, Tx& tx) {
  TRY(expect_no_body(call.request));
  return vm_answer(200, TRY(cadastre::reboot_vm(tx, call.services, call.caller, call.path[0])));
}

Result<Response> remove_vm(const Call& call, Tx& tx) {
  const auto if_match = TRY(parse_if_match(call.request));
  const auto left = TRY(delete_vm(tx, call.services, call.caller, call.path[0], if_match));
  return left ? vm_answer(202, *left) : Response{.status = 204};
}

}  // namespace cadastre::http
