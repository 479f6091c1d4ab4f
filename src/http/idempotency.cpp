#include "http/idempotency.h"

#include <fmt/format.h>

#include <algorithm>

#include "crypto/sha256.h"
#include "http/devices.h"
#include "http/problem.h"
#include "http/tokens.h"

namespace cadastre::http {
namespace {

constexpr std::chrono::hours kept_for{24};
constexpr std::size_t key_characters_max = 255;

Result<void> check_key(std::string_view key) {
  const bool visible = std::ranges::all_of(key, [](char c) { return c > 0x20 && c < 0x7f; });
  if (!key.empty() && key.size() <= key_characters_max && visible) return {};
  return refuse(Code::malformed, "Idempotency-Key", "Idempotency-Key must have 1 to 255 visible ASCII characters.");
}

bool is_kept(const Refusal& refusal) {
  const int status = status_of(refusal.code);
  return status == 404 || status == 409 || status == 412 || status == 422;
}

/// The token of that id with its text, signed again from the stored claims: the text is not kept.
Result<FreshToken> fresh_again(const Call& call, Tx& tx, const TenantId& tenant, std::string_view id) {
  auto record = TRY(token(tx, tenant, id));
  auto text = TRY(sign_again(call.services, record));
  return FreshToken{std::move(record), std::move(text)};
}

/// The answer that a `token_reference` stands for.
Result<Response> answer_again(const Call& call, Tx& tx, std::string_view reference) {
  const auto slash = reference.find('/');
  const TenantId tenant = TenantId::parse(reference.substr(0, slash)).value_or(TenantId::platform());
  std::string_view ids = reference.substr(slash + 1);
  if (ids.starts_with(device_reference_mark)) {
    const auto fresh = TRY(fresh_again(call, tx, tenant, ids.substr(1)));
    return device_token_answer(TRY(device(tx, tenant, fresh.record.device)), fresh);
  }
  if (!ids.starts_with('[')) return token_answer(TRY(fresh_again(call, tx, tenant, ids)));
  std::vector<FreshToken> tokens;
  for (ids = ids.substr(1, ids.size() - 2); !ids.empty();) {
    const std::string_view id = ids.substr(0, ids.find(','));
    ids.remove_prefix(std::min(ids.size(), id.size() + 1));
    tokens.push_back(TRY(fresh_again(call, tx, tenant, id)));
  }
  return tokens_answer(tokens);
}

Result<Response> replay(const Call& call, Tx& tx, const IdempotentAnswer& kept) {
  Response response{
      .status = kept.status, .content_type = kept.content_type, .headers = kept.headers, .body = kept.body};
  if (!kept.token_id.empty()) response = TRY(answer_again(call, tx, kept.token_id));
  response.headers += "Idempotency-Replayed: true\r\n";
  return response;
}

Digest digest_of(const Call& call, std::string_view route, std::string_view key) {
  return sha256(fmt::format("{}\n{}\n{}\n{}", encode_hex(call.caller.subject_key), route, call.request.path(), key));
}

}  // namespace

std::optional<Digest> key_in_flight(const Call& call, std::string_view route) {
  const auto key = call.request.header("idempotency-key");
  if (!key || call.request.method() != "POST" || !check_key(*key)) return std::nullopt;
  return sha256(fmt::format("{}\n{}", call.caller.tenant.text(), encode_hex(digest_of(call, route, *key))));
}

bool was_answered(const Call& call, std::string_view route, Reader& reader) {
  const auto key = call.request.header("idempotency-key");
  if (!key || !check_key(*key)) return false;
  return reader.idempotent_answer(call.caller.tenant, digest_of(call, route, *key), call.services.clock.now())
      .has_value();
}

Result<Response> run_once(const Call& call, std::string_view route, Tx& tx,
                          const std::function<Result<Response>()>& act) {
  const auto key = call.request.header("idempotency-key");
  if (!key || call.request.method() != "POST") return act();
  if (call.request.count("idempotency-key") > 1) {
    return refuse(Code::malformed, "Idempotency-Key", "Idempotency-Key may be sent once.");
  }
  TRY(check_key(*key));
  const Instant now = call.services.clock.now();
  IdempotentAnswer answer{
      .key = digest_of(call, route, *key), .request_hash = sha256(call.request.body), .expires_at = now + kept_for};
  if (const auto kept = tx.idempotent_answer(call.caller.tenant, answer.key, now)) {
    if (kept->request_hash == answer.request_hash) return replay(call, tx, *kept);
    return refuse(Code::idempotency_mismatch, "Idempotency-Key", "This Idempotency-Key was used with another body.");
  }
  auto outcome = act();
  if (outcome ? outcome->is_never_kept : !is_kept(outcome.error())) return outcome;
  Response shown =
      outcome ? *outcome : problem(outcome.error(), {call.request.path(), call.caller.request_id, call.tenant.text()});
  answer.status = shown.status;
  answer.content_type = shown.content_type;
  answer.headers = shown.headers;
  answer.token_id = shown.token_reference;
  if (answer.token_id.empty()) answer.body = shown.body;
  tx.record(call.caller.tenant, answer);
  return shown;
}

}  // namespace cadastre::http
