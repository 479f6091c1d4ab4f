#include "http/tenants.h"

#include <fmt/format.h>

#include "base/json.h"
#include "http/answer.h"
#include "http/body.h"
#include "http/page.h"
#include "service/tenants.h"

namespace cadastre::http {
namespace {

void append_limit(json::Object& object, std::string_view name, const auto& limit) {
  if (limit)
    object.field(name, limit->value);
  else
    object.null(name);
}

void append_usage(std::string& out, const Usage& used) {
  json::Object(out)
      .field("vms", used.vms.value)
      .field("storage_gb", used.storage.value)
      .field("ram_mb", used.ram.value)
      .field("vcpus", used.vcpus.value)
      .end();
}

std::optional<Mebibytes> mebibytes(const std::optional<std::optional<std::int64_t>>& named) {
  return named.value_or(std::nullopt).transform([](std::int64_t mb) { return Mebibytes{mb}; });
}

std::optional<VcpuCount> vcpus(const std::optional<std::optional<std::int64_t>>& named) {
  return named.value_or(std::nullopt).transform([](std::int64_t count) { return VcpuCount{count}; });
}

Result<TenantOrder> decode_tenant_order(const Request& request) {
  Body body = TRY(Body::parse(request));
  const std::string id = body.text("tenant_id");
  std::string display_name = body.text("display_name");
  Quota quota{.max_vms = VmCount{body.integer("max_vms")}, .storage = Gigabytes{body.integer("storage_quota_gb")}};
  quota.api_rate = RequestsPerMinute{body.integer("api_rate_limit_rpm")};
  quota.max_ram = mebibytes(body.nullable_integer("max_ram_mb"));
  quota.max_vcpus = vcpus(body.nullable_integer("max_vcpus"));
  TRY(body.finish());
  return TenantOrder{TRY(TenantId::parse(id)), std::move(display_name), quota};
}

Result<TenantPatch> decode_tenant_patch(const Request& request) {
  Body body = TRY(Body::parse(request));
  const Query query = TRY(Query::parse(request.query()));
  TenantPatch patch{.display_name = body.optional_text("display_name"),
                    .max_vms = body.optional_integer("max_vms"),
                    .storage_quota_gb = body.optional_integer("storage_quota_gb"),
                    .api_rate_limit_rpm = body.optional_integer("api_rate_limit_rpm"),
                    .max_ram_mb = body.nullable_integer("max_ram_mb"),
                    .max_vcpus = body.nullable_integer("max_vcpus")};
  TRY(body.finish());
  if (const auto force = query.find("force")) {
    if (*force != "true" && *force != "false") return refuse(Code::malformed, "force", "force must be true or false.");
    patch.force = *force == "true";
  }
  return patch;
}

Response tenant_answer(int status, const Tenant& tenant) {
  Response response{.status = status, .content_type = "application/json"};
  append_etag(response.headers, tenant.revision);
  append_tenant(response.body, tenant);
  return response;
}

Result<Response> set_state(const Call& call, Tx& tx, TenantState state) {
  TRY(expect_no_body(call.request));
  return tenant_answer(200, TRY(set_tenant_state(tx, call.services, call.caller, call.tenant, state)));
}

}  // namespace

void append_tenant(std::string& out, const Tenant& tenant) {
  json::Object object(out);
  object.field("tenant_id", tenant.id.text())
      .field("display_name", tenant.display_name)
      .field("state", name_of(tenant.state));
  object.field("max_vms", tenant.quota.max_vms.value)
      .field("storage_quota_gb", tenant.quota.storage.value)
      .field("api_rate_limit_rpm", tenant.quota.api_rate.value);
  append_limit(object, "max_ram_mb", tenant.quota.max_ram);
  append_limit(object, "max_vcpus", tenant.quota.max_vcpus);
  append_usage(object.key("usage"), tenant.used);
  object.field("over_quota", is_over_quota(tenant.quota, tenant.used));
  json::Object(object.key("ledger")).field("log_id", encode_hex(tenant.log_id)).field("vkey", tenant.vkey).end();
  append_time(object.key("created_at"), tenant.created_at);
  append_time(object.key("updated_at"), tenant.updated_at);
  object.field("created_by", tenant.created_by).end();
}

Result<Response> post_tenant(const Call& call, Tx& tx) {
  const auto order = TRY(decode_tenant_order(call.request));
  const auto tenant = TRY(create_tenant(tx, call.services, call.caller, order));
  Response response = tenant_answer(201, tenant);
  response.headers += fmt::format("Location: /v1/tenants/{}\r\n", tenant.id.text());
  return response;
}

Result<Response> get_tenants(const Call& call, Reader& reader) {
  const Query query = TRY(Query::parse(call.request.query()));
  const auto page = TRY(parse_page(query, "tenants"));
  const auto tenants = reader.tenants(page.after, page.size + 1);
  return list_answer(
      "tenants", tenants, page.size, [](std::string& out, const Tenant& tenant) { append_tenant(out, tenant); },
      [](const Tenant& last) { return encode_page_token("tenants", last.id.text()); });
}

Result<Response> get_tenant(const Call& call, Reader& reader) {
  return tenant_answer(200, TRY(tenant(reader, call.tenant)));
}

Result<Response> patch_tenant(const Call& call, Tx& tx) {
  const auto patch = TRY(decode_tenant_patch(call.request));
  const auto if_match = TRY(parse_if_match(call.request));
  return tenant_answer(200, TRY(update_tenant(tx, call.services, call.caller, call.tenant, patch, if_match)));
}

Result<Response> suspend_tenant(const Call& call, Tx& tx) { return set_state(call, tx, TenantState::suspended); }
Result<Response> resume_tenant(const Call& call, Tx& tx) { return set_state(call, tx, TenantState::active); }

Result<Response> remove_tenant(const Call& call, Tx& tx) {
  const auto if_match = TRY(parse_if_match(call.request));
  TRY(delete_tenant(tx, call.services, call.caller, call.tenant, if_match));
  return Response{.status = 204};
}

Result<Response> get_status(const Call& call, Reader& reader) {
  const auto tenant = TRY(cadastre::tenant(reader, call.tenant));
  Response response{.status = 200, .content_type = "application/json"};
  json::Object object(response.body);
  object.field("tenant_id", tenant.id.text())
      .field("state", name_of(tenant.state))
      .field("vms", tenant.used.vms.value)
      .field("vms_running", reader.count_vms(tenant.id, VmState::running))
      .field("max_vms", tenant.quota.max_vms.value)
      .field("storage_used_gb", tenant.used.storage.value)
      .field("storage_quota_gb", tenant.quota.storage.value)
      .field("ram_used_mb", tenant.used.ram.value);
  append_limit(object, "max_ram_mb", tenant.quota.max_ram);
  object.field("vcpus_used", tenant.used.vcpus.value);
  append_limit(object, "max_vcpus", tenant.quota.max_vcpus);
  object.field("api_rate_limit_rpm", tenant.quota.api_rate.value)
      .field("over_quota", is_over_quota(tenant.quota, tenant.used))
      .end();
  append_etag(response.headers, tenant.revision);
  return response;
}

}  // namespace cadastre::http
