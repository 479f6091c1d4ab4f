#include "http/ledger.h"

#include <fmt/format.h>

#include "base/json.h"
#include "http/page.h"
#include "service/ledger.h"

namespace cadastre::http {
namespace {

/// A sequence number as the ledger's own addresses have it: without zeros in front.
std::optional<std::uint64_t> parse_seq(std::string_view text) {
  const auto number = parse_number(text);
  if (!number || (text.size() > 1 && text.front() == '0')) return std::nullopt;
  return static_cast<std::uint64_t>(*number);
}

Result<std::uint64_t> seq_parameter(const Query& query, std::string_view name, std::uint64_t otherwise) {
  const auto text = query.find(name);
  if (!text) return otherwise;
  if (const auto number = parse_seq(*text)) return *number;
  return refuse(Code::malformed, std::string(name), fmt::format("{} must be a sequence number.", name));
}

Result<std::optional<Instant>> time_parameter(const Query& query, std::string_view name) {
  const auto text = query.find(name);
  if (!text) return std::optional<Instant>();
  if (auto at = parse_rfc3339(*text)) return at;
  return refuse(Code::malformed, std::string(name),
                fmt::format("{} must be a time such as 2026-11-23T20:05:17Z.", name));
}

Result<std::vector<EventType>> types_parameter(const Query& query) {
  std::vector<EventType> types;
  const auto text = query.find("type") ? query.find("type") : query.find("event_type");
  for (std::string_view rest = text ? std::string_view(*text) : std::string_view(); !rest.empty();) {
    const std::string_view name = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), name.size() + 1));
    const auto type = parse_event_type(name);
    if (!type)
      return refuse(Code::invalid_field, "type",
                    "type must be event types such as TENANT_CREATED, with commas between.");
    types.push_back(*type);
  }
  return types;
}

Result<EntryFilter> decode_filter(const Query& query) {
  EntryFilter filter;
  filter.leaves.types = TRY(types_parameter(query));
  filter.leaves.from = TRY(seq_parameter(query, "from", 0));
  filter.leaves.to = TRY(seq_parameter(query, "to", UINT64_MAX));
  filter.leaves.since = TRY(time_parameter(query, "since"));
  filter.leaves.until = TRY(time_parameter(query, "until"));
  const auto order = query.find("order").value_or("asc");
  if (order != "asc" && order != "desc") return refuse(Code::malformed, "order", "order must be asc or desc.");
  filter.leaves.order = order == "asc" ? Order::ascending : Order::descending;
  filter.node_id = query.find("node_id").value_or("");
  filter.vm_id = query.find("vm_id").value_or("");
  filter.token_id = query.find("token_id").value_or("");
  filter.actor = query.find("actor").value_or("");
  filter.request_id = query.find("request_id").value_or("");
  return filter;
}

/// Every filter of the query but the page's own, so that a token is good for its own list alone.
std::string list_name(const Query& query) {
  std::string name = "entries";
  for (const auto* each : {"type", "event_type", "from", "to", "since", "until", "order", "node_id", "vm_id",
                           "token_id", "actor", "request_id"}) {
    name += fmt::format("\n{}", query.find(each).value_or(""));
  }
  return name;
}

/// A deleted tenant's log is there for ever; one of a tenant that never was is not.
Result<void> expect_log(const Call& call, Reader& reader) {
  if (reader.log_head(call.tenant)) return {};
  return refuse(Code::not_found, "tenant", "There is no such tenant.");
}

}  // namespace

Result<Response> get_entries(const Call& call, Reader& reader) {
  TRY(expect_log(call, reader));
  const Query query = TRY(Query::parse(call.request.query()));
  auto filter = TRY(decode_filter(query));
  const std::string list = list_name(query);
  const auto page = TRY(parse_page(query, list));
  filter.leaves.limit = page.size;
  if (!page.after.empty()) {
    const auto from = parse_seq(page.after);
    if (!from) return refuse(Code::malformed, "page_token", "page_token is not one that this list has given.");
    (filter.leaves.order == Order::ascending ? filter.leaves.from : filter.leaves.to) = *from;
  }
  const auto found = entries(reader, call.tenant, filter);
  Response response{.status = 200, .content_type = "application/json"};
  json::Object object(response.body);
  std::string& out = object.key("entries");
  out += '[';
  for (const Leaf& leaf : found.entries) {
    if (&leaf != found.entries.data()) out += ',';
    out += leaf.bytes;  // the very bytes that were hashed
  }
  out += ']';
  if (found.next) object.field("next_page_token", encode_page_token(list, std::to_string(*found.next)));
  object.end();
  return response;
}

Result<Response> get_checkpoint(const Call& call, Reader& reader) {
  TRY(expect_log(call, reader));
  auto latest = TRY(checkpoint(reader, call.tenant));
  return Response{.status = 200,
                  .content_type = "text/plain; charset=utf-8",
                  .headers = "Cache-Control: private, max-age=1\r\n",
                  .body = std::move(latest.note)};
}

Result<Response> get_tile(const Call& call, Reader& reader) {
  TRY(expect_log(call, reader));
  const std::string path = "tile/" + std::string(call.path.back());
  auto bytes = published_tile(reader, call.tiles, call.tenant, path);
  if (!bytes) return refuse(Code::not_found, "tile", "There is no such tile.");
  return Response{.status = 200,
                  .content_type = "application/octet-stream",
                  .headers = "Cache-Control: private, max-age=31536000, immutable\r\n",
                  .body = *std::move(bytes)};
}

Result<Response> get_proof(const Call& call, Reader& reader) {
  TRY(expect_log(call, reader));
  const auto seq = parse_seq(call.path.back());
  if (!seq) return refuse(Code::not_found, "entry", "There is no such entry under the latest checkpoint.");
  return Response{.status = 200,
                  .content_type = "text/plain; charset=utf-8",
                  .body = TRY(inclusion_proof(reader, call.tiles, call.tenant, *seq))};
}

}  // namespace cadastre::http
