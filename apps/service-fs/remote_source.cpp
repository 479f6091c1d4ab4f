// Logs read from a server over HTTP. Nothing it answers is believed before it is proven under the log's key.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/json.h"
#include "http/client.h"
#include "ledger/tile.h"
#include "source.h"

namespace cadastre {
namespace {

constexpr int depth_max = 16;
constexpr unsigned ok = 200;
constexpr unsigned unauthorized = 401;
constexpr unsigned forbidden = 403;
constexpr unsigned not_found = 404;

/// A string member, or nothing.
std::optional<std::string> text_of(const json::Value& object, std::string_view name) {
  const json::Value* const member = object.find(name);
  if (member == nullptr || member->kind != json::Kind::string) return std::nullopt;
  return member->text;
}

ledger::StoredLeaf leaf_of(std::uint64_t seq, std::string bytes) {
  ledger::StoredLeaf leaf;
  leaf.seq = seq;
  leaf.hash = ledger::leaf_hash(as_bytes(bytes));
  if (const auto record = ledger::decode_leaf(bytes)) {
    leaf.ts = record->ts;
    leaf.type = record->type;
  }
  leaf.bytes = std::move(bytes);
  return leaf;
}

/// The question as query parameters of `/v1/ledger/entries`.
std::string parameters_of(const LeafQuery& query, std::size_t page_size) {
  std::string text = fmt::format("?page_size={}&order={}", page_size, query.order == Order::ascending ? "asc" : "desc");
  if (query.from != 0) text += fmt::format("&from={}", query.from);
  if (query.to != UINT64_MAX) text += fmt::format("&to={}", query.to);
  if (query.since) text += "&since=" + format_rfc3339(*query.since);
  if (query.until) text += "&until=" + format_rfc3339(*query.until);
  for (const EventType& type : query.types) {
    text += fmt::format("{}{}", &type == query.types.data() ? "&type=" : ",", name_of(type));
  }
  return text;
}

/// The first or the last leaf.
LeafQuery one(Order order) {
  LeafQuery query;
  query.order = order;
  query.limit = 1;
  return query;
}

class RemoteSource final : public Source {
 public:
  RemoteSource(http::ServerUrl url, const Options& options)
      : client_(std::move(url), options.token, options.ca_file),
        vkey_(options.vkey),
        has_token_(!options.token.empty()) {}

  /// A tenant's token reads its own log; the platform's reads all tenants', or its own when its key is given.
  std::vector<LogName> logs() override {
    const http::Reply status = client_.get("/v1/status");
    if (status.status != forbidden) return {tenant_log(own_tenant(status))};
    if (!vkey_.empty()) return {platform_log()};
    fmt::print(stderr, "service-fs: the platform's own log is left out: read it with --log platform --vkey KEY\n");
    return tenant_logs();
  }

  LogName log(std::string_view name) override {
    if (name == "platform") return platform_log();
    if (!TenantId::parse(name)) throw NoMatch("over --url a log is named by its tenant, or \"platform\"");
    return tenant_log(name);
  }

  ledger::LogEvidence evidence(const LogName& log) override;
  std::vector<ledger::StoredLeaf> leaves(const LogName& log, const LeafQuery& query) override;

  std::vector<ledger::Finding> check(const LogName& log, const Extent& extent) override {
    const auto found = evidence(log);
    if (extent.is_range()) return audit_range(found, extent).findings;
    return extent.edge_only ? audit_edge(found).findings : audit_full(found).findings;
  }

  std::vector<std::string> check_set() override { return {}; }

 private:
  /// The body of a 200, nothing for a 404. Throws StoreFailure on every other status.
  std::optional<std::string> get(const std::string& path) {
    http::Reply reply = client_.get(path);
    if (reply.status == ok) return std::move(reply.body);
    if (reply.status == not_found) return std::nullopt;
    throw_status(reply, path);
  }

  [[noreturn]] void throw_status(const http::Reply& reply, std::string_view path) {
    const auto problem = json::parse(reply.body, depth_max).value;
    const auto detail = problem ? text_of(*problem, "detail") : std::nullopt;
    const bool lacks_token = reply.status == unauthorized && !has_token_;
    throw StoreFailure(fmt::format(
        "the server answers {} to {}: {}", reply.status, path,
        lacks_token ? "give a token with --token-file or in CADASTRE_TOKEN" : detail.value_or("no reason")));
  }

  json::Value get_object(const std::string& path) {
    const auto body = get(path);
    if (!body) throw NoMatch(fmt::format("the server has no {}", path));
    auto outcome = json::parse(*body, depth_max);
    if (!outcome.value) throw StoreFailure(fmt::format("the server's answer to {} is not JSON", path));
    return *std::move(outcome.value);
  }

  /// The tenant whose status that is.
  std::string own_tenant(const http::Reply& reply) {
    if (reply.status != ok) throw_status(reply, "/v1/status");
    const auto status = json::parse(reply.body, depth_max).value;
    const auto tenant = status ? text_of(*status, "tenant_id") : std::nullopt;
    if (!tenant || !TenantId::parse(*tenant)) throw StoreFailure("the server's status names no tenant");
    return *tenant;
  }

  LogName tenant_log(std::string_view name) { return named(get_object(fmt::format("/v1/tenants/{}", name))); }

  std::vector<LogName> tenant_logs() {
    std::vector<LogName> logs;
    for (std::string parameters = "?page_size=1000"; !parameters.empty();) {
      const json::Value page = get_object("/v1/tenants" + parameters);
      const json::Value* const tenants = page.find("tenants");
      if (tenants == nullptr) throw StoreFailure("the server's page has no tenants");
      for (const json::Value& record : tenants->elements) logs.push_back(named(record));
      const auto next = text_of(page, "next_page_token");
      parameters = next ? "?page_size=1000&page_token=" + *next : "";
    }
    return logs;
  }

  /// The log that a tenant's record names.
  static LogName named(const json::Value& record) {
    const auto tenant = TenantId::parse(text_of(record, "tenant_id").value_or(""));
    if (!tenant) throw StoreFailure("the server names a tenant that cannot be");
    const json::Value* const ledger = record.find("ledger");
    const bool has_ledger = ledger != nullptr && ledger->kind == json::Kind::object;
    const auto id_text = has_ledger ? text_of(*ledger, "log_id") : std::nullopt;
    const auto id_bytes = id_text ? decode_hex(*id_text) : std::nullopt;
    const auto log_id = id_bytes ? exactly<16>(*id_bytes) : std::nullopt;
    const auto vkey = has_ledger ? text_of(*ledger, "vkey") : std::nullopt;
    if (!log_id || !vkey) throw StoreFailure("the server's tenant record names no ledger");
    return {*tenant, *log_id, *vkey};
  }

  /// The platform's log has no record over HTTP: its key must be known, and its id is what its entries say.
  LogName platform_log() {
    if (vkey_.empty()) {
      throw NoMatch(
          "no server tells the platform's verifier key: run `service-fs vkey --log platform` on the server's machine "
          "and give what it prints as --vkey KEY");
    }
    LogName log{TenantId::platform(), {}, vkey_};
    const auto first = leaves(log, one(Order::ascending));
    const auto record = first.empty() ? std::nullopt : std::optional(ledger::decode_leaf(first.front().bytes));
    if (record && *record) log.log_id = (*record)->log_id;
    return log;
  }

  static std::string base_of(const LogName& log) {
    return log.tenant.is_platform() ? "/v1/ledger/" : fmt::format("/v1/tenants/{}/ledger/", log.tenant.text());
  }

  http::Client client_;
  const std::string vkey_;
  const bool has_token_;
};

ledger::LogEvidence RemoteSource::evidence(const LogName& log) {
  const std::string base = base_of(log);
  ledger::LogEvidence found;
  found.tenant = log.tenant;
  found.log_id = log.log_id;
  found.vkey = log.vkey;
  found.files = [this, base](const std::string& path) { return get(base + path); };
  found.list = [](const std::string&) { return std::vector<std::string>{}; };
  found.checkpoint_file = get(base + "checkpoint");
  found.stored_checkpoint = found.checkpoint_file;
  const auto key = ledger::VerifierKey::parse(log.vkey);
  const auto opened = key && found.checkpoint_file ? open_checkpoint(*found.checkpoint_file, *key)
                                                   : refuse(Code::not_found, "checkpoint", "is missing");
  found.head = opened ? opened->size : 0;
  found.head_now = [this, &log] {
    const auto newest = leaves(log, one(Order::descending));
    return newest.empty() ? 0 : newest.front().seq + 1;
  };
  // What is proven over HTTP is what lies in the bundles; the newest one read is kept between pages.
  const auto tree = std::make_shared<ledger::TileTree>(found.head, found.files);
  found.leaves = [tree](std::uint64_t from, std::size_t limit) {
    std::vector<ledger::StoredLeaf> page;
    for (std::uint64_t seq = from; seq < tree->size() && page.size() < limit; ++seq) {
      auto bytes = tree->entry(seq);
      if (!bytes) break;
      page.push_back(leaf_of(seq, *std::move(bytes)));
    }
    return page;
  };
  return found;
}

std::vector<ledger::StoredLeaf> RemoteSource::leaves(const LogName& log, const LeafQuery& query) {
  constexpr std::size_t page_size_max = 1000;
  std::vector<ledger::StoredLeaf> found;
  const std::string path = base_of(log) + "entries" + parameters_of(query, std::min(query.limit, page_size_max));
  for (std::string page_token; found.size() < query.limit;) {
    const json::Value page = get_object(page_token.empty() ? path : path + "&page_token=" + page_token);
    const json::Value* const entries = page.find("entries");
    if (entries == nullptr || entries->kind != json::Kind::array)
      throw StoreFailure("the server's page has no entries");
    for (const json::Value& entry : entries->elements) {
      const json::Value* const seq = entry.find("seq");
      const auto number = seq != nullptr ? seq->integer() : std::nullopt;
      auto bytes = json::canonical(entry);
      if (!number || *number < 0 || !bytes) throw StoreFailure("the server's page has something that is no entry");
      if (found.size() < query.limit) found.push_back(leaf_of(static_cast<std::uint64_t>(*number), *std::move(bytes)));
    }
    page_token = text_of(page, "next_page_token").value_or("");
    if (page_token.empty()) break;
  }
  return found;
}

}  // namespace

std::unique_ptr<Source> open_remote_source(const Options& options) {
  return std::make_unique<RemoteSource>(http::ServerUrl::parse(options.url).value(),
                                        options);  // the options checked it
}

}  // namespace cadastre
