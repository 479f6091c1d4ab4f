// What it costs to verify a token that was never seen, beside the bare signature check of libsodium: the two in turns.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/time.h"
#include "token/claims.h"
#include "token/issuer_keys.h"
#include "token/verify.h"

namespace cadastre {
namespace {

constexpr int tokens_count = 1000;
constexpr int rounds = 9;
constexpr std::int64_t now_s = 1'800'000'000;

struct Figures {
  std::vector<double> values;
  void print(const char* name, const char* unit) {
    std::ranges::sort(values);
    fmt::print("{:<44} {:6.2f} {} ({:.2f}-{:.2f})\n", name, values[values.size() / 2], unit, values.front(),
               values.back());
  }
};

void demand(bool holds) {
  if (!holds) std::abort();
}

/// Microseconds that one call of `work` takes, over all tokens.
template <class Work>
double us_each(Work work) {
  const auto start = std::chrono::steady_clock::now();
  for (std::size_t i = 0; i < tokens_count; ++i) work(i);
  return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count() / tokens_count;
}

struct Signed {
  std::string text, input;
  Signature signature{};
};

std::vector<Signed> mint_many(const VerifierRules& rules, const PrivateKey& issuer, bool one_holder) {
  std::vector<Signed> tokens;
  for (int i = 0; i < tokens_count; ++i) {
    const auto low = static_cast<std::uint8_t>(i), high = static_cast<std::uint8_t>(i >> 8);
    const Bytes<32> seed = one_holder ? Bytes<32>{2} : Bytes<32>{3, low, high};
    const Claims claims{.issuer = rules.issuer,
                        .audience = rules.audience,
                        .tenant = TenantId::parse("acme-corp").value(),
                        .id = TokenId{low, high},
                        .scope = Scope::tenant_admin(),
                        .subject = PrivateKey::from_seed(seed).public_key(),
                        .issued_at_s = now_s - 10,
                        .not_before_s = now_s - 10,
                        .expires_at_s = now_s + 3600};
    Signed token{.text = mint(claims, issuer).value().text, .input = {}};
    const auto dot = token.text.rfind('.');
    token.input = token.text.substr(0, dot);
    token.signature = exactly<64>(decode_base64url(token.text.substr(dot + 1)).value()).value();
    tokens.push_back(std::move(token));
  }
  return tokens;
}

void run() {
  const PrivateKey issuer = PrivateKey::from_seed(Bytes<32>{1});
  const VerifierRules rules{.issuer = "http://127.0.0.1:9221", .audience = "cadastre:local", .service = ""};
  IssuerKeys keys;
  keys.put(issuer.public_key(), IssuerKeyState::active);
  const Instant now = instant_from_s(now_s);
  const auto known = mint_many(rules, issuer, true), unknown = mint_many(rules, issuer, false);
  AdmittedKeys admitted;
  demand(verify_token(known[0].text, rules, keys, admitted, now).has_value());
  Figures bare, first, first_of_key, first_ratio, key_ratio;
  for (int round = 0; round < rounds; ++round) {
    bare.values.push_back(us_each(
        [&](std::size_t i) { demand(verify(issuer.public_key(), as_bytes(known[i].input), known[i].signature)); }));
    first.values.push_back(
        us_each([&](std::size_t i) { demand(verify_token(known[i].text, rules, keys, admitted, now).has_value()); }));
    AdmittedKeys none;
    first_of_key.values.push_back(
        us_each([&](std::size_t i) { demand(verify_token(unknown[i].text, rules, keys, none, now).has_value()); }));
    first_ratio.values.push_back(first.values.back() / bare.values.back());
    key_ratio.values.push_back(first_of_key.values.back() / bare.values.back());
  }
  bare.print("libsodium, the signature alone", "us");
  first.print("a token never seen, of a holder known", "us");
  first_of_key.print("a token never seen, of a holder never seen", "us");
  first_ratio.print("ratio, holder known", "x");
  key_ratio.print("ratio, holder never seen", "x");
}

}  // namespace
}  // namespace cadastre

int main() {
  cadastre::run();
  return 0;
}
