#include "api.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "files.h"
#include "token/proof.h"

namespace cadastre {
namespace {

constexpr int document_depth_max = 16;
constexpr std::int64_t page_size_max = 1000;
constexpr unsigned first_refusal = 400;

std::string text_of(const json::Value& object, std::string_view name) {
  const json::Value* const value = object.find(name);
  return value != nullptr && value->kind == json::Kind::string ? printable(value->text) : "";
}

/// `; /max_vms: must be …` for every field that the problem names and that `detail` does not speak of already.
std::string field_clauses(const json::Value& problem, const std::string& detail) {
  std::string text;
  const json::Value* const errors = problem.find("errors");
  if (errors == nullptr) return text;
  for (const json::Value& error : errors->elements) {
    if (detail.find(text_of(error, "detail")) != std::string::npos) continue;
    text += fmt::format("; {}: {}", text_of(error, "pointer"), text_of(error, "detail"));
  }
  return text;
}

bool demands_proof(std::string_view credential) {
  for (std::size_t start = 0; start < credential.size();) {
    const std::size_t end = std::min(credential.find('~', start), credential.size());
    const auto jws = decode_jws(credential.substr(start, end - start));
    const auto claims = jws ? decode_object(jws->payload) : Checked<json::Value>(json::Value());
    if (claims && claims->find("pop") != nullptr) return true;
    start = end + 1;
  }
  return false;
}

std::optional<PrivateKey> prover_of(const Settings& settings, std::string_view credential) {
  if (!demands_proof(credential)) return std::nullopt;
  if (settings.key_file.empty()) usage_error("this token demands proof of its key: give --key-file");
  return read_private_key(settings.key_file);
}

constexpr int in_flight_turns_max = 100;
constexpr std::chrono::milliseconds in_flight_pause{100};

bool is_in_flight(const http::Reply& reply) {
  return reply.status == 409 && reply.body.contains("\"IDEMPOTENCY_IN_FLIGHT\"");
}

}  // namespace

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool is_plain = ('a' <= c && c <= 'z') || ('A' <= c && c <= 'Z') || ('0' <= c && c <= '9') ||
                          std::string_view("-._~").find(c) != std::string_view::npos;
    if (is_plain) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

Parameters& Parameters::add(std::string_view name, std::string_view value) {
  if (value.empty()) return *this;
  text_ += fmt::format("{}{}={}", text_.empty() ? '?' : '&', name, escaped(value));
  return *this;
}

Parameters& Parameters::add(std::string_view name, std::optional<std::int64_t> value) {
  return value ? add(name, std::to_string(*value)) : *this;
}

std::string problem_sentence(const http::Reply& reply) {
  const auto problem = json::parse(reply.body, document_depth_max).value;
  std::string detail = problem ? text_of(*problem, "detail") : "";
  if (detail.ends_with('.')) detail.pop_back();
  if (detail.empty()) return fmt::format("the server answers {}", reply.status);
  const std::string reason = text_of(*problem, "reason");
  const std::string wait =
      reply.header("Retry-After") ? fmt::format("; try again in {} s", *reply.header("Retry-After")) : "";
  return fmt::format("{}{}{} ({}{}, request {})", detail, field_clauses(*problem, detail), printable(wait),
                     text_of(*problem, "code"), reason.empty() ? "" : ": " + reason, text_of(*problem, "request_id"));
}

Api::Api(Program& program) : Api(program, settings_of(program.options), credential_of(settings_of(program.options))) {}

Api::Api(Program& program, Settings settings, std::string credential)
    : program_(program),
      settings_(std::move(settings)),
      credential_(std::move(credential)),
      prover_(prover_of(settings_, credential_)),
      client_(server_of(settings_, !credential_.empty(), program.options.allows_plain_http), prover_ ? "" : credential_,
              settings_.ca_file) {}

std::vector<http::HeaderField> Api::fields(const std::string& method, const std::string& path) const {
  std::vector<http::HeaderField> fields;
  Bytes<16> id;
  if (method == "POST") {
    program_.random.fill(id);
    fields.push_back({"Idempotency-Key", encode_base64url(id)});
  }
  if (prover_) {
    program_.random.fill(id);
    const std::string url = settings_.url + path;
    fields.push_back({"Authorization", "DPoP " + credential_});
    fields.push_back({"DPoP", make_proof(credential_, {method, url}, *prover_, id, program_.clock.now())});
  }
  return fields;
}

http::Reply Api::send(const std::string& method, const std::string& path, const std::string& body) {
  const http::ClientRequest request{.method = method, .path = path, .body = body, .headers = fields(method, path)};
  http::Reply reply = client_.send(request);
  // A request that went out again because its connection broke finds the first one under way for a moment.
  for (int turn = 0; turn < in_flight_turns_max && is_in_flight(reply); ++turn) {
    rest_for(in_flight_pause);
    reply = client_.send(request);
  }
  return reply;
}

http::Reply Api::call(const std::string& method, const std::string& path, const std::string& body) {
  http::Reply reply = send(method, path, body);
  if (reply.status >= first_refusal) throw Failure(ExitCode::refused, problem_sentence(reply));
  return reply;
}

json::Value Api::get(const std::string& path) { return parse_document(call("GET", path).body, "the server's answer"); }

std::vector<json::Value> Api::list(const std::string& path, std::string_view member,
                                   std::optional<std::int64_t> limit) {
  std::vector<json::Value> found;
  const auto missing = [&] { return limit.value_or(INT64_MAX) - static_cast<std::int64_t>(found.size()); };
  const char joint = path.find('?') == std::string::npos ? '?' : '&';
  for (std::string page_token; missing() > 0;) {
    const std::string more = page_token.empty() ? "" : "&page_token=" + escaped(page_token);
    json::Value page = get(fmt::format("{}{}page_size={}{}", path, joint, std::min(missing(), page_size_max), more));
    for (json::Member& each : page.members) {
      if (each.name != member) continue;
      for (json::Value& element : each.value.elements) {
        if (missing() > 0) found.push_back(std::move(element));
      }
    }
    const json::Value* const next = page.find("next_page_token");
    if (next == nullptr) break;
    page_token = next->text;
  }
  return found;
}

std::string Api::tenant_path() const { return "/v1/tenants/" + tenant_of(settings_, credential_).text(); }

json::Value parse_document(std::string_view text, const std::string& origin) {
  auto outcome = json::parse(text, document_depth_max);
  if (!outcome.value) file_error(fmt::format("{} is no JSON", origin));
  return *std::move(outcome.value);
}

http::Reply with_token_in_file(http::Reply reply, const std::string& path) {
  json::Value record = parse_document(reply.body, "the server's answer");
  const json::Value* const token = record.find("token");
  if (token == nullptr) file_error("the server's answer has no token");
  create_secret(path, token->text + "\n");
  std::erase_if(record.members, [](const json::Member& member) { return member.name == "token"; });
  reply.body.clear();
  append_json(reply.body, record);
  return reply;
}

ExitCode print_record(const Program& program, const http::Reply& reply) {
  if (reply.body.empty()) return ExitCode::ok;
  if (program.options.format() == OutputFormat::json) {
    fmt::print("{}{}", reply.body, reply.body.ends_with('\n') ? "" : "\n");
  } else {
    fmt::print("{}", record_of(parse_document(reply.body, "the server's answer")));
  }
  return ExitCode::ok;
}

ExitCode print_list(const Program& program, std::string_view member, const std::vector<json::Value>& records,
                    const std::vector<Column>& columns) {
  if (program.options.format() == OutputFormat::table) {
    fmt::print("{}", table_of(records, columns));
    return ExitCode::ok;
  }
  json::Value list;
  list.kind = json::Kind::array;
  list.elements = records;
  std::string out;
  json::Object object(out);
  append_json(object.key(member), list);
  object.end();
  fmt::print("{}\n", out);
  return ExitCode::ok;
}

}  // namespace cadastre
