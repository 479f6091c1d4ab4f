// What it costs to know who comes with a token, beside the bare signature check of libsodium, in turns: verified for
// the first time with one element and with four links below it, and found in the cache; with none, one and 100,000
// revocations in the tenant. Each figure is the whole of `Authenticator::authenticate`, as a request has it.
//
// token_bench FOLDER: below it lie the registers, three, and they are left there.
#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "http/authenticate.h"
#include "service/test_key_place.h"
#include "store/sqlite/sqlite_store.h"
#include "token/claims.h"

namespace cadastre {
namespace {

constexpr int tokens_count = 400;
constexpr int rounds = 9;
constexpr int cached_uses = 25;  // of each token in a round
constexpr std::size_t links_count = 4;
constexpr std::int64_t revocations_many = 100'000;
const std::string issuer_url = "http://127.0.0.1:9221";
const std::string audience = "cadastre:local";
const std::int64_t now_s = s_since_epoch(SystemClock().now());
const TenantId tenant = TenantId::parse("acme-corp").value();

void demand(bool holds) {
  if (!holds) std::abort();
}

/// A series of a figure, one for each round.
using Figures = std::vector<double>;

void print(std::string_view name, Figures values, std::string_view unit) {
  std::ranges::sort(values);
  fmt::print("{:<60} {:6.2f} {} ({:.2f}-{:.2f})\n", name, values[values.size() / 2], unit, values.front(),
             values.back());
}

/// Processor time of this thread in microseconds: what others do on the machine in between does not count.
double cpu_us() {
  timespec used{};
  demand(::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used) == 0);
  return static_cast<double>(used.tv_sec) * 1e6 + static_cast<double>(used.tv_nsec) / 1e3;
}

/// Microseconds that one call of `work` takes, over all tokens and `times`.
template <class Work>
double us_each(int times, Work work) {
  const double start = cpu_us();
  for (int time = 0; time < times; ++time) {
    for (std::size_t i = 0; i < tokens_count; ++i) work(i);
  }
  return (cpu_us() - start) / tokens_count / times;
}

/// A key of its own for each holder: the same each time for the same numbers.
PrivateKey holder_of(std::size_t token, std::size_t element) {
  return PrivateKey::from_seed(Bytes<32>{7, static_cast<std::uint8_t>(token), static_cast<std::uint8_t>(token >> 8),
                                         static_cast<std::uint8_t>(element)});
}

struct Signed {
  std::string text, input;  // `input` is what the issuer signed
  Signature signature{};
};

Signed mint_root(std::size_t number, const PrivateKey& issuer) {
  const Claims claims{.issuer = issuer_url,
                      .audience = audience,
                      .tenant = tenant,
                      .id = TokenId{static_cast<std::uint8_t>(number), static_cast<std::uint8_t>(number >> 8)},
                      .scope = Scope::tenant_admin(),
                      .subject = holder_of(number, 0).public_key(),
                      .generation = 1,
                      .issued_at_s = now_s - 10,
                      .not_before_s = now_s - 10,
                      .expires_at_s = now_s + 3600,
                      .delegable_depth = links_count};
  Signed token{.text = mint(claims, issuer).value().text, .input = {}};
  const auto dot = token.text.rfind('.');
  token.input = token.text.substr(0, dot);
  token.signature = exactly<64>(decode_base64url(token.text.substr(dot + 1)).value()).value();
  return token;
}

/// The token with four links below it, each of another holder.
std::string with_links(const Signed& root, std::size_t number) {
  std::string chain = root.text;
  RevocationId parent = rid_of(root.input);
  for (std::size_t depth = 1; depth <= links_count; ++depth) {
    const LinkClaims link{.parent = parent,
                          .depth = static_cast<std::int64_t>(depth),
                          .id = TokenId{static_cast<std::uint8_t>(depth)},
                          .scope = Scope::input(),
                          .subject = holder_of(number, depth).public_key(),
                          .tenant = {},
                          .issued_at_s = now_s - 5,
                          .not_before_s = {},
                          .expires_at_s = now_s + 600,
                          .delegable_depth = links_count};
    const auto minted = mint_link(link, holder_of(number, depth - 1)).value();
    chain += '~' + minted.text;
    parent = minted.rid;
  }
  return chain;
}

/// A request as the server has read it, with the bytes that it is a view of.
struct Asked {
  explicit Asked(const std::string& credential)
      : bytes(fmt::format("GET /v1/vms HTTP/1.1\r\nHost: 127.0.0.1:9221\r\nAuthorization: Bearer {}\r\n\r\n",
                          credential)),
        request{http::parse_head(bytes).value(), "", "192.0.2.1", false} {}
  const std::string bytes;
  const http::Request request;
};

/// A server without its sockets, and with so many revocations in the tenant, half of tokens and half of keys.
class World {
 public:
  World(const std::filesystem::path& folder, std::int64_t revocations)
      : store_(open_sqlite_store({.directory = folder})) {
    for (const TenantId& id : {TenantId::platform(), tenant}) {
      write(id, [&](Tx& tx) {
        Tenant row{.id = id, .created_at = clock_.now()};
        row.quota.api_rate = RequestsPerMinute{limit_max};
        tx.insert(row);
        if (id.is_platform()) tx.put(place_.registered());
      });
    }
    store_->subscribe(gates_);
    SeededRandom random{1};
    write(tenant, [&](Tx& tx) {
      for (std::int64_t i = 0; i < revocations; ++i) {
        Revocation revocation{.tenant = tenant, .revoked_at = clock_.now(), .expires_at = clock_.now()};
        revocation.kind = i % 2 == 0 ? RevocationKind::token : RevocationKind::key;
        random.fill(revocation.id);
        tx.insert(revocation);
      }
    });
    reader_ = store_->open_reader();
    forget();
    demand(gates_.find(tenant, *reader_)->revocations() == revocations);
  }

  /// As after a start: no key was examined. A thread's cache is given with each question.
  void forget() {
    authenticator_ = std::make_unique<http::Authenticator>(
        VerifierRules{.issuer = issuer_url, .audience = audience, .service = "vm-tenant", .links_max = links_count},
        place_.keyring(), gates_, *store_, clock_, std::vector{std::string(issuer_url)}, limit_max);
  }

  void ask(const Asked& asked, http::TokenCache& cache) {
    const auto who = authenticator_->authenticate(asked.request, route_, cache, *reader_);
    demand(!who.refusal && who.known);
  }

 private:
  template <class Body>
  void write(const TenantId& id, Body body) {
    demand(transact(*store_, id, [&](Tx& tx) -> Result<int> { return body(tx), 0; }).has_value());
  }

  SystemClock clock_;
  TestKeyPlace place_{Bytes<32>{1}, clock_};
  TenantGates gates_{limit_max};
  std::unique_ptr<Store> store_;
  std::unique_ptr<Reader> reader_;
  std::unique_ptr<http::Authenticator> authenticator_;
  const http::Match route_ = http::find_route("GET", "/v1/vms");
};

/// All that is asked of one world, by what it is.
class Asking {
 public:
  Asking(std::string where, World& world, const std::deque<Asked>& single, const std::deque<Asked>& chains)
      : where_(std::move(where)), world_(world), single_(single), chains_(chains) {}

  void round(double bare_us) {
    first("one element, key new", single_, bare_us, true);
    first("one element, key known", single_, bare_us, false);
    cached("one element, cached", single_);
    first("four links, keys new", chains_, bare_us, true);
    first("four links, keys known", chains_, bare_us, false);
    cached("four links, cached", chains_);
  }

  void print_all() const {
    for (const auto& [name, figures] : us_) print(name + where_, figures, "us");
    for (const auto& [name, figures] : ratio_) print(name + where_ + ", ratio", figures, "x");
  }
  /// How many times as long each takes here, round by round.
  void print_beside(const Asking& other, std::string_view others) const {
    for (const auto& [name, figures] : us_) {
      Figures ratios;
      std::ranges::transform(figures, other.us_.at(name), std::back_inserter(ratios), std::divides());
      print(fmt::format("{}{} beside {}", name, where_, others), ratios, "x");
    }
  }

 private:
  void first(const std::string& name, const std::deque<Asked>& asked, double bare_us, bool forgets) {
    if (forgets) world_.forget();
    cache_ = std::make_unique<http::TokenCache>();
    us_[name].push_back(us_each(1, [&](std::size_t i) { world_.ask(asked[i], *cache_); }));
    ratio_[name].push_back(us_[name].back() / bare_us);
  }

  /// Of what the question before has left in the cache.
  void cached(const std::string& name, const std::deque<Asked>& asked) {
    us_[name].push_back(us_each(cached_uses, [&](std::size_t i) { world_.ask(asked[i], *cache_); }));
  }

  const std::string where_;
  World& world_;
  const std::deque<Asked>& single_;
  const std::deque<Asked>& chains_;
  std::unique_ptr<http::TokenCache> cache_;
  std::map<std::string, Figures> us_, ratio_;
};

void run(const std::filesystem::path& folder) {
  const PrivateKey issuer = PrivateKey::from_seed(Bytes<32>{1});
  std::vector<Signed> roots;
  std::deque<Asked> single, chains;  // which never moves what it holds
  for (std::size_t i = 0; i < tokens_count; ++i) {
    roots.push_back(mint_root(i, issuer));
    single.emplace_back(roots.back().text);
    chains.emplace_back(with_links(roots.back(), i));
  }
  World none(folder / "none", 0), one(folder / "one", 1), many(folder / "many", revocations_many);
  Asking of_none("", none, single, chains), of_one(", 1 revocation", one, single, chains),
      of_many(", 100,000 revocations", many, single, chains);
  Figures bare;
  for (int round = 0; round < rounds; ++round) {
    bare.push_back(us_each(
        1, [&](std::size_t i) { demand(verify(issuer.public_key(), as_bytes(roots[i].input), roots[i].signature)); }));
    for (Asking* asking : {&of_none, &of_one, &of_many}) asking->round(bare.back());
  }
  print("libsodium, the signature alone", bare, "us");
  for (const Asking* asking : {&of_none, &of_one, &of_many}) asking->print_all();
  of_many.print_beside(of_none, "none");
  of_many.print_beside(of_one, "one");
}

}  // namespace
}  // namespace cadastre

int main(int count, char** arguments) {
  if (count != 2) {
    fmt::print(stderr, "usage: token_bench FOLDER\n");
    return 2;
  }
  cadastre::run(arguments[1]);
  return 0;
}
