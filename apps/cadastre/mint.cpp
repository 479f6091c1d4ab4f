#include "mint.h"

#include <fmt/format.h>

#include <utility>

#include "files.h"
#include "program.h"
#include "token/subject_pubkey.h"

namespace cadastre {
namespace {

constexpr int caveat_depth_max = 4;

struct Explanation {
  std::string_view reason;
  std::string_view sentence;
};

constexpr Explanation explanations[] = {
    {"delegation_not_allowed", "the token may not be narrowed further: it was issued with too small a delegable depth"},
    {"too_many_links", "the chain has more links than a server accepts"},
    {"token_too_large", "the chain is longer than a header may carry"},
    {"signature_invalid", "a signature does not hold: the key is not the one that the element before is bound to"},
    {"widened:scope", "the scope is more than the token has"},
    {"widened:exp", "it would live longer than the token"},
    {"widened:nbf", "it would begin before the token does"},
    {"widened:tid", "the tenant is not the token's"},
    {"widened:del_max_depth", "the depth is more than the token has left, or less than the link's own place"},
    {"expired", "the token has expired"},
    {"not_yet_valid", "the token is not valid yet"},
    {"issued_in_future", "the token was issued in the future: a clock is wrong"},
    {"lifetime_too_long", "it would live longer than any token may"},
    {"weak_key", "no signature under this key would prove anything"},
    {"bad_caveat", "a caveat has a wrong form, or there are more than 16 in a link or 32 in the chain"},
    {"unknown_caveat", "there is no such caveat: op, method, path, res, ip, quota, rpm, uses"},
    {"bad_issuer", "it is another server's"},
    {"bad_audience", "it is for another deployment or service"},
    {"unknown_kid", "the key that signed it is not among the server's"},
    {"malformed_jws", "it is no token"},
    {"bad_base64url", "it is no token, or was not copied whole"},
    {"malformed_chain", "there is nothing before or after a tilde"},
    {"parent_mismatch", "a link hangs below another token than the one before it"},
};

[[noreturn]] void refused(const std::string& reason) {
  throw Failure(ExitCode::refused, fmt::format("not minted: {}", explained(reason)));
}

template <class T>
T value_or_usage(Result<T> result) {
  if (!result) usage_error(result.error().detail);
  return *std::move(result);
}

ClaimedToken read_or_refuse(const std::string& chain, const VerifierRules& rules, Instant now) {
  AdmittedKeys admitted;
  auto claimed = read_chain(chain, rules, admitted, now);
  if (!claimed) refused(claimed.error().reason);
  return *std::move(claimed);
}

}  // namespace

std::string explained(const std::string& reason) {
  for (const Explanation& each : explanations) {
    if (each.reason == reason) return fmt::format("{} ({})", each.sentence, reason);
  }
  return reason;
}

PublicKey subject_key(const std::string& text, std::string_view flag) {
  const auto key = parse_subject_pubkey(text.starts_with('@') ? read_text(text.substr(1)) : text);
  if (!key) usage_error(fmt::format("{}: {}", flag, key.error().detail));
  return *key;
}

std::string caveats_of(const std::vector<std::string>& texts) {
  if (texts.empty()) return {};
  json::Value list;
  list.kind = json::Kind::array;
  for (const std::string& text : texts) {
    auto caveat = json::parse(text, caveat_depth_max).value;
    if (!caveat) usage_error(fmt::format("--caveat must be JSON such as {{\"method\":[\"GET\"]}}, not {}", text));
    list.elements.push_back(*std::move(caveat));
  }
  const auto caveats = decode_caveats(list, 0);
  if (!caveats) usage_error(fmt::format("--caveat: {}", explained(caveats.error().reason)));
  return encode_caveats(*caveats);
}

std::chrono::seconds lifetime_of(const std::string& text) {
  const auto lifetime = parse_duration(text);
  if (!lifetime) usage_error("--expires-in must be a duration such as 90s, 15m, 24h or 7d");
  return *lifetime;
}

std::string narrow(const std::string& chain, const LinkOrder& order, const PrivateKey& holder, const PublicKey& subject,
                   Random& random, Instant now) {
  const VerifierRules rules{
      .issuer = "", .audience = "", .service = "", .links_max = static_cast<std::size_t>(order.links_max)};
  const VerifiedToken parent = read_or_refuse(chain, rules, now).says;
  if (holder.public_key() != parent.holder) refused("signature_invalid");
  LinkClaims link{.parent = parent.rid(),
                  .depth = static_cast<std::int64_t>(parent.elements),
                  .scope = value_or_usage(Scope::parse(order.scope)),
                  .subject = subject,
                  .issued_at_s = s_since_epoch(now),
                  .expires_at_s = s_since_epoch(now) + lifetime_of(order.expires_in).count(),
                  .delegable_depth = order.delegable_depth,
                  .requires_pop = order.requires_pop,
                  .caveats = caveats_of(order.caveats)};
  if (!order.tenant.empty()) link.tenant = value_or_usage(TenantId::parse(order.tenant));
  random.fill(link.id);
  const std::string narrowed = chain + "~" + value_or_usage(mint_link(link, holder)).text;
  read_or_refuse(narrowed, rules, now);
  return narrowed;
}

}  // namespace cadastre
