// token-vectors: runs a file of token cases against the verifier and says which gave the stated reason.
#include <fmt/core.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <initializer_list>
#include <iterator>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

#include "base/json.h"
#include "token/proof.h"
#include "token/verify.h"

namespace cadastre {
namespace {

constexpr int file_depth_max = 8;
constexpr std::size_t links_max = 4;  // TOKENS.md section 7

/// A file of another shape than this program knows.
struct UnknownShape : std::runtime_error {
  using std::runtime_error::runtime_error;
};

[[noreturn]] void refuse_shape(std::string_view where) {
  throw UnknownShape(fmt::format("the file has another form than expected, at {}", where));
}

const json::Value& member(const json::Value& object, std::string_view name, json::Kind kind) {
  const json::Value* const value = object.find(name);
  if (value == nullptr || value->kind != kind) refuse_shape(name);
  return *value;
}

const std::string& text(const json::Value& object, std::string_view name) {
  return member(object, name, json::Kind::string).text;
}

std::string text_or(const json::Value& object, std::string_view name, const std::string& otherwise) {
  return object.find(name) == nullptr ? otherwise : text(object, name);
}

void expect_only(const json::Value& object, std::initializer_list<std::string_view> names) {
  for (const json::Member& each : object.members) {
    if (std::find(names.begin(), names.end(), each.name) == names.end()) refuse_shape(each.name);
  }
}

std::int64_t integer(const json::Value& value, std::string_view where) {
  const auto number = value.integer();
  if (!number) refuse_shape(where);
  return *number;
}

/// What all cases of the file share.
struct Setting {
  VerifierRules rules;
  IssuerKeys keys;
  json::Value tenants;
  Instant now;
};

Setting read_setting(const json::Value& file) {
  Setting setting{
      .rules = {.issuer = text(file, "iss"), .audience = text(file, "aud"), .service = "", .links_max = links_max},
      .keys = {},
      .tenants = member(file, "tenants", json::Kind::object),
      .now = instant_from_s(integer(member(file, "now", json::Kind::number), "now"))};
  for (const auto& [kid, key] : member(file, "keys", json::Kind::object).members) {
    const auto bytes = decode_digest(text(key, "x"));
    const std::int64_t state = integer(member(key, "state", json::Kind::number), "state");
    if (!bytes || kid_of(*bytes) != kid || state < 0 || state > 1) refuse_shape("keys");
    setting.keys.put(*bytes, state == 0 ? IssuerKeyState::active : IssuerKeyState::revoked);
  }
  return setting;
}

/// Whether the list `name` of the case's state has `entry`.
bool lists(const json::Value& state, std::string_view name, std::string_view entry) {
  if (state.find(name) == nullptr) return false;
  for (const json::Value& element : member(state, name, json::Kind::array).elements) {
    if (element.kind == json::Kind::string && element.text == entry) return true;
  }
  return false;
}

bool is_revoked(const json::Value& state, const VerifiedToken& token, std::string_view kind, const Digest& id) {
  const std::string tail = fmt::format("/{}/{}", kind, encode_base64url(id));
  return lists(state, "revoked", token.home.text() + tail) || lists(state, "revoked", tail) ||
         (token.tenant && lists(state, "revoked", token.tenant->text() + tail));
}

/// The generation that the case, or else the file, gives a namespace; nothing when it is unknown there.
std::optional<std::int64_t> generation_of(const Setting& setting, const json::Value& state, const std::string& tenant) {
  const json::Value* known = setting.tenants.find(tenant);
  if (state.find("gen") != nullptr) {
    const json::Value* const changed = member(state, "gen", json::Kind::object).find(tenant);
    if (changed != nullptr) known = changed;
  }
  if (known == nullptr || known->kind == json::Kind::null) return std::nullopt;
  return integer(*known, "gen");
}

TokenState state_of(const Setting& setting, const json::Value& state, const VerifiedToken& token) {
  expect_only(state, {"gen", "revoked", "devices", "suspended"});
  TokenState known;
  if (token.tenant && !generation_of(setting, state, token.tenant->text())) known.tenant = TenantStanding::unknown;
  if (token.tenant && lists(state, "suspended", token.tenant->text())) known.tenant = TenantStanding::suspended;
  known.generation = generation_of(setting, state, token.home.text()).value_or(1);
  known.has_device = lists(state, "devices", token.home.text() + "/" + token.device);
  for (const RevocationId& rid : token.rids) known.is_revoked = known.is_revoked || is_revoked(state, token, "t", rid);
  for (const Digest& key : token.key_thumbprints) {
    known.is_key_revoked = known.is_key_revoked || is_revoked(state, token, "k", key);
  }
  return known;
}

/// Steps 12 and 13 on the case's request.
Checked<void> check_request(const Setting& setting, const json::Value& request, const Presented& presented,
                            const VerifiedToken& token, ReplayMemory& memory) {
  const std::string method = text_or(request, "method", "GET");
  const std::string path = text_or(request, "path", "/");
  const std::string url = setting.rules.issuer + path;
  TRY(check_proof(token, presented, {.method = method, .url = url}, memory, setting.now));
  const std::string operation = text_or(request, "op", "");
  const std::string resource = text_or(request, "res", "");
  const std::string peer = text_or(request, "ip", "");
  const std::string tenant = text_or(request, "tid", "");
  const auto needed = Scope::parse_canonical(text_or(request, "need", "READ"));
  if (!needed) refuse_shape("need");
  TokenUse use{.method = method, .path = path, .operation = operation, .resource = resource, .peer = peer};
  use.needed = *needed;
  use.charges_counters = true;
  if (!tenant.empty()) {
    const auto named = TenantId::parse(tenant);
    if (!named) refuse_shape("tid");
    use.tenant = *named;
  }
  return check_use(token, use);
}

Checked<void> present(const Setting& setting, const json::Value& one, ReplayMemory& memory) {
  const json::Value& request = member(one, "req", json::Kind::object);
  const json::Value& state = member(one, "state", json::Kind::object);
  expect_only(request, {"method", "path", "op", "tid", "ip", "need", "scheme", "dpop", "res"});
  const std::string field = text_or(request, "scheme", "Bearer") + " " + text(one, "cred");
  const std::string proof = text_or(request, "dpop", "");
  const std::string_view fields[] = {field};
  const std::string_view proofs[] = {proof};
  const auto presented =
      TRY(decode_authorization(fields, std::span<const std::string_view>(proofs).first(proof.empty() ? 0U : 1U)));
  AdmittedKeys admitted;
  const VerifiedToken token =
      TRY(verify_token(presented.credential, setting.rules, setting.keys, admitted, setting.now));
  TRY(check_state(token, state_of(setting, state, token), setting.keys, Access::change, setting.now));
  if (request.members.empty()) return {};  // the case is about the token alone
  return check_request(setting, request, presented, token, memory);
}

/// `ok` or the reason. A case about replay is presented twice, and the first time must pass.
std::string outcome_of(const Setting& setting, const json::Value& one) {
  ReplayMemory memory;
  auto outcome = present(setting, one, memory);
  if (text(one, "expect") == "pop_replayed" && outcome) outcome = present(setting, one, memory);
  return outcome ? "ok" : outcome.error().reason;
}

int run(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream) throw UnknownShape("the file cannot be read: CADASTRE_TOKEN_VECTORS names it");
  const std::string content{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  const auto parsed = json::parse(content, file_depth_max);
  if (!parsed.value) refuse_shape(fmt::format("byte {}", parsed.offset));
  const Setting setting = read_setting(*parsed.value);
  int passed = 0;
  int failed = 0;
  for (const json::Value& one : member(*parsed.value, "vectors", json::Kind::array).elements) {
    const std::string outcome = outcome_of(setting, one);
    const std::string& expected = text(one, "expect");
    if (outcome == expected) {
      ++passed;
      fmt::print("ok {}\n", text(one, "name"));
    } else {
      ++failed;
      fmt::print("FAIL {}: expected {}, got {}\n", text(one, "name"), expected, outcome);
    }
  }
  fmt::print("{} passed, {} failed, 0 skipped\n", passed, failed);
  return failed == 0 && passed > 0 ? 0 : 1;
}

}  // namespace
}  // namespace cadastre

int main() {
  const char* const chosen = std::getenv("CADASTRE_TOKEN_VECTORS");
  const std::string path = chosen != nullptr ? chosen : CADASTRE_TOKEN_VECTORS_DEFAULT;
  try {
    return cadastre::run(path);
  } catch (const cadastre::UnknownShape& unknown) {
    fmt::print(stderr, "token-vectors: {}: {}\n", path, unknown.what());
    return 2;
  }
}
