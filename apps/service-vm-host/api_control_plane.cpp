#include "api_control_plane.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "answers.h"
#include "base/json.h"
#include "base/log.h"
#include "http_date.h"
#include "token/proof.h"

namespace cadastre {
namespace {

constexpr unsigned unauthenticated = 401;
constexpr unsigned first_refusal = 400;
constexpr unsigned first_fault = 500;
constexpr std::size_t guests_max = 1500;              // ids in a heartbeat that the API's 64 KiB have room for
constexpr std::size_t reports_bytes_max = 48 * 1024;  // the same of reports, with room for one more

http::ServerUrl parsed(const std::string& url) { return http::ServerUrl::parse(url).value(); }

void append_facts(json::Object& object, const NodeFacts& facts) {
  object.field("hostname", facts.hostname);
  if (!facts.boot_id.empty()) object.field("boot_id", facts.boot_id);
  object.field("ram_total_mb", facts.ram_total.value)
      .field("ram_used_mb", facts.ram_used.value)
      .field("cpu_cores", facts.cores.value)
      .field("cpu_load_pct", facts.cpu_load_pct)
      .field("disk_total_gb", facts.disk_total.value)
      .field("disk_used_gb", facts.disk_used.value)
      .field("kvm_available", facts.kvm_available)
      .field("reserved", facts.reserved);
}

void append_report(std::string& out, const GuestReport& report) {
  json::Object object(out);
  object.field("vm_id", report.vm.text()).field("generation", report.generation).field("state", name_of(report.state));
  if (!report.error.empty()) object.field("error", report.error);
  std::string& ports = object.key("host_ports");
  ports += '[';
  for (const HostPort& port : report.host_ports) {
    if (ports.back() != '[') ports += ',';
    json::Object(ports)
        .field("host_port", port.host_port)
        .field("guest_port", port.guest_port)
        .field("protocol", port.protocol)
        .end();
  }
  ports += ']';
  object.end();
}

/// The bodies that tell all reports, each small enough.
std::vector<std::string> report_bodies(const std::vector<GuestReport>& reports) {
  std::vector<std::string> bodies;
  for (const GuestReport& report : reports) {
    if (bodies.empty() || bodies.back().size() > reports_bytes_max) bodies.emplace_back(R"({"vms":[)");
    std::string& body = bodies.back();
    if (body.back() != '[') body += ',';
    append_report(body, report);
  }
  for (std::string& body : bodies) body += "]}";
  return bodies;
}

/// Whether the same may work later, without anybody doing anything.
bool is_passing(unsigned status) { return status >= first_fault || status == 408 || status == 429; }

}  // namespace

ApiControlPlane::Line::Line(const ControlPlaneAddress& address) : client(parsed(address.url), "", address.ca_file) {}

ApiControlPlane::ApiControlPlane(ControlPlaneAddress address, const PrivateKey& key, DeviceToken& token,
                                 const Clock& clock, Random& random)
    : address_(std::move(address)),
      key_(key),
      token_(token),
      clock_(clock),
      random_(random),
      heartbeats_(address_),
      wishes_(address_),
      reports_(address_),
      consoles_(address_) {}

Instant ApiControlPlane::now() const { return clock_.now() + time_ahead_.load(); }

bool ApiControlPlane::learn_time(const http::Reply& reply) {
  const auto date = reply.header("Date");
  const auto theirs = date ? parse_http_date(*date) : std::nullopt;
  if (!theirs) return false;
  const auto ahead = *theirs - clock_.now();
  log::warn("this machine's clock is wrong: proofs carry the control plane's time",
            {{"ahead_s", std::chrono::duration_cast<std::chrono::seconds>(ahead).count()}});
  time_ahead_ = ahead;
  return true;
}

http::Reply ApiControlPlane::send_once(Line& line, const http::ClientRequest& request, const std::string& token) {
  Bytes<16> id;
  random_.fill(id);
  const std::string url = address_.url + request.path;
  http::ClientRequest proved = request;
  proved.is_idempotent = true;  // heartbeats, wishes and reports say what is; a renewal is not sent again by its caller
  proved.headers.push_back({"Authorization", "DPoP " + token});
  proved.headers.push_back({"DPoP", make_proof(token, {request.method, url}, key_, id, now())});
  return line.client.send(proved);
}

http::Reply ApiControlPlane::send(Line& line, const http::ClientRequest& request) {
  const std::scoped_lock lock(line.mutex);
  try {
    http::Reply reply = send_once(line, request, token_.text());
    if (reply.status != unauthenticated) return reply;
    if (problem_reason(reply) == "pop_stale") learn_time(reply);
    return send_once(line, request, token_.text());
  } catch (const http::ClientFailure& fault) {
    throw ControlPlaneAway(fault.what());
  }
}

Result<http::Reply> ApiControlPlane::call(Line& line, const http::ClientRequest& request) {
  http::Reply reply = send(line, request);
  if (reply.status < first_refusal) return reply;
  if (is_passing(reply.status)) throw ControlPlaneAway(problem_sentence(reply));
  return std::unexpected(refusal_of(reply));
}

std::string ApiControlPlane::node_path(const char* last) const {
  return fmt::format("/v1/nodes/{}/{}", address_.node_id, last);
}

Result<bool> ApiControlPlane::enrol(const NodeFacts& facts) {
  std::string body;
  json::Object object(body);
  object.field("node_id", address_.node_id);
  append_facts(object, facts);
  object.end();
  const auto reply = TRY(call(heartbeats_, {.method = "POST", .path = "/v1/nodes", .body = body}));
  return reply.status == 201;
}

Result<void> ApiControlPlane::heartbeat(const NodeFacts& facts, const std::vector<VmId>& guests) {
  std::string body;
  json::Object object(body);
  object.field("node_id", address_.node_id);
  append_facts(object, facts);
  object.field("timestamp_utc", format_rfc3339(clock_.now()));
  std::string& ids = object.key("vms");
  ids += '[';
  for (std::size_t i = 0; i < std::min(guests.size(), guests_max); ++i) {
    if (i > 0) ids += ',';
    json::append_string(ids, guests[i].text());
  }
  ids += ']';
  object.end();
  TRY(call(heartbeats_, {.method = "POST", .path = "/v1/nodes/heartbeat", .body = body}));
  return {};
}

Result<NodeWishes> ApiControlPlane::wishes(std::optional<std::int64_t> after, std::chrono::seconds wait) {
  std::string path = node_path("wishes");
  if (after) path += fmt::format("?after={}&wait={}", *after, wait.count());
  return decode_wishes(TRY(call(wishes_, {.path = path})));
}

Result<std::vector<DisbelievedReport>> ApiControlPlane::report(const std::vector<GuestReport>& reports) {
  std::vector<DisbelievedReport> disbelieved;
  for (const std::string& body : report_bodies(reports)) {
    const auto reply = TRY(call(reports_, {.method = "POST", .path = node_path("reports"), .body = body}));
    std::ranges::move(decode_disbelieved(reply), std::back_inserter(disbelieved));
  }
  return disbelieved;
}

Result<void> ApiControlPlane::show_console(const VmId& vm, const std::string& bytes) {
  TRY(call(consoles_, {.method = "PUT",
                       .path = node_path("consoles/") + vm.text(),
                       .body = bytes,
                       .headers = {{"Content-Type", "application/octet-stream"}}}));
  return {};
}

Result<bool> ApiControlPlane::renew_if_due() {
  const auto life = life_of(token_.text());
  if (life && now() < life->half_over()) return false;
  const auto reply = TRY(call(heartbeats_, {.method = "POST", .path = "/v1/devices/renew"}));
  const std::string fresh = text_of(object_of(reply), "token");
  if (!life_of(fresh)) throw ControlPlaneAway("its answer to a renewal holds no token");
  token_.replace(fresh);
  log::info("the token was renewed", {{"expires_at", format_rfc3339(life_of(fresh)->expires_at)}});
  return true;
}

void ApiControlPlane::interrupt() {
  for (Line* const line : {&heartbeats_, &wishes_, &reports_, &consoles_}) line->client.interrupt();
}

}  // namespace cadastre
