#include "service/caveat_charges.h"

#include <fmt/format.h>

#include <algorithm>

namespace cadastre {
namespace {

/// An ancestor that the register knows. A link is kept where it was used, and counts where its root does.
struct Ancestor {
  CaveatBearer bearer;
  std::optional<RevocationId> root;  // of a link
};

std::vector<Caveat> stored_caveats(const std::string& text) {
  auto caveats = parse_caveats(text, 0);
  if (!caveats) throw StoreFailure("the register holds caveats of a token that are none");
  return *std::move(caveats);
}

std::optional<Ancestor> find_ancestor(Reader& reader, const std::vector<TenantId>& places, const RevocationId& rid) {
  for (const TenantId& place : places) {
    if (const auto token = reader.token_by_rid(place, rid)) {
      return Ancestor{
          {.place = place, .rid = rid, .caveats = stored_caveats(token->caveats), .expires_at = token->expires_at},
          std::nullopt};
    }
    if (const auto link = reader.link(place, rid)) {
      return Ancestor{
          {.place = place, .rid = rid, .caveats = stored_caveats(link->caveats), .expires_at = link->expires_at},
          link->root};
    }
  }
  return std::nullopt;
}

/// Those of the caller's root; nothing when one of them is not known.
std::optional<std::vector<CaveatBearer>> find_ancestors(const Caller& caller, Reader& reader) {
  const auto places = namespaces_of(caller);
  std::vector<Ancestor> found;
  for (std::size_t i = caller.elements; i < caller.rids.size(); ++i) {
    auto one = find_ancestor(reader, places, caller.rids[i]);
    if (!one) return std::nullopt;
    found.push_back(*std::move(one));
  }
  std::vector<CaveatBearer> bearers;
  for (Ancestor& one : found) {
    if (one.root) {
      const auto root = std::ranges::find(found, *one.root, [](const Ancestor& each) { return each.bearer.rid; });
      if (root == found.end()) return std::nullopt;
      one.bearer.place = root->bearer.place;
    }
    bearers.push_back(one.bearer);
  }
  return bearers;
}

/// The elements of its chain, root first.
std::vector<CaveatBearer> chain_of(const Caller& caller) {
  std::vector<CaveatBearer> chain;
  for (std::size_t i = 0; i < caller.elements; ++i) {
    chain.push_back({.place = caller.home,
                     .rid = caller.rids[caller.elements - 1 - i],
                     .caveats = {},
                     .expires_at = caller.root_expires_at});
  }
  for (const Caveat& caveat : caller.caveats) chain[caveat.element].caveats.push_back(caveat);
  return chain;
}

std::unexpected<Refusal> denied(CaveatKind kind, std::string detail, std::int64_t retry_after_s = 0) {
  return std::unexpected(Refusal{.code = Code::caveat_denied,
                                 .subject = fmt::format("caveat_denied:{}", name_of(kind)),
                                 .detail = std::move(detail),
                                 .retry_after_s = retry_after_s});
}

/// The limits of a kind; refuses when there are some that are not known.
Result<std::vector<CaveatLimit>> limits_on(const Caller& caller, CaveatKind kind) {
  if (!caller.limits) {
    const bool has_none = std::ranges::none_of(caller.caveats, [&](const Caveat& each) { return each.kind == kind; });
    if (has_none) return std::vector<CaveatLimit>();
    return denied(kind, fmt::format("Who else is charged for the token's {} is not known.", name_of(kind)));
  }
  std::vector<CaveatLimit> limits;
  std::ranges::copy_if(*caller.limits, std::back_inserter(limits),
                       [&](const CaveatLimit& limit) { return limit.kind == kind; });
  return limits;
}

std::int64_t count_of(Reader& reader, CounterKind kind, const CaveatLimit& limit) {
  return reader.counter(limit.place, kind, limit.rid);
}

/// Refuses unless every one of the limits has room for one more.
Result<void> admit_one(Reader& reader, CounterKind kind, const std::vector<CaveatLimit>& limits, const char* of_what) {
  for (const CaveatLimit& limit : limits) {
    if (count_of(reader, kind, limit) < limit.number) continue;
    return denied(limit.kind, fmt::format("A caveat of the token, or of one above it, allows {} {}, and no more.",
                                          limit.number, of_what));
  }
  return {};
}

void count_one(Tx& tx, CounterKind kind, const std::vector<CaveatLimit>& limits) {
  for (const CaveatLimit& limit : limits) {
    // VMs are charged to an element for as long as they live, and given back one by one.
    const auto end = kind == CounterKind::vms ? std::nullopt : std::optional(limit.expires_at);
    tx.set_counter(limit.place, kind, limit.rid, count_of(tx, kind, limit) + 1, end);
  }
}

/// The windows with one more request in each; refuses when one of them is full.
Result<std::vector<RateBudget>> admit_in_time(Reader& reader, const std::vector<CaveatLimit>& limits, Instant now) {
  std::vector<RateBudget> rates;
  for (const CaveatLimit& limit : limits) {
    RateBudget rate = reader.caveat_rate(limit.place, limit.rid);
    const RateDecision decision = rate.admit(limit.number, now);
    if (!decision.admitted) {
      return denied(
          limit.kind,
          fmt::format("A caveat of the token, or of one above it, allows {} requests a minute; repeat in {} s.",
                      limit.number, decision.retry_after_s),
          decision.retry_after_s);
    }
    rates.push_back(rate);
  }
  return rates;
}

}  // namespace

bool is_counted(const Caller& caller) {
  return std::ranges::any_of(caller.caveats, [](const Caveat& caveat) { return is_counted(caveat.kind); });
}

std::optional<std::vector<CaveatLimit>> resolve_limits(const Caller& caller, Reader& reader) {
  if (!is_counted(caller)) return std::vector<CaveatLimit>();
  const auto chain = chain_of(caller);
  const bool is_inherited =
      std::ranges::any_of(chain.front().caveats, [](const Caveat& caveat) { return is_counted(caveat.kind); });
  const auto ancestors = is_inherited ? find_ancestors(caller, reader) : std::vector<CaveatBearer>();
  return ancestors ? std::optional(limits_of(chain, *ancestors)) : std::nullopt;
}

bool counts_requests(const Caller& caller) {
  return std::ranges::any_of(caller.caveats, [](const Caveat& caveat) {
    return caveat.kind == CaveatKind::rpm || caveat.kind == CaveatKind::uses;
  });
}

std::vector<TenantId> places_charged(const Caller& caller, const TenantId& home) {
  std::vector<TenantId> places;
  if (!caller.limits) return places;
  for (const CaveatLimit& limit : *caller.limits) {
    if (limit.place != home && std::ranges::find(places, limit.place) == places.end()) places.push_back(limit.place);
  }
  return places;
}

Result<void> charge_request(Tx& tx, const Caller& caller, Instant now) {
  const auto uses = TRY(limits_on(caller, CaveatKind::uses));
  const auto paces = TRY(limits_on(caller, CaveatKind::rpm));
  TRY(admit_one(tx, CounterKind::uses, uses, "requests"));
  const auto rates = TRY(admit_in_time(tx, paces, now));
  count_one(tx, CounterKind::uses, uses);
  for (std::size_t i = 0; i < paces.size(); ++i) {
    tx.set_caveat_rate(paces[i].place, paces[i].rid, rates[i], paces[i].expires_at);
  }
  return {};
}

Result<std::vector<RevocationId>> charge_vm(Tx& tx, const Caller& caller) {
  const auto limits = TRY(limits_on(caller, CaveatKind::quota));
  TRY(admit_one(tx, CounterKind::vms, limits, "VMs at a time"));
  count_one(tx, CounterKind::vms, limits);
  std::vector<RevocationId> charged;
  for (const CaveatLimit& limit : limits) charged.push_back(limit.rid);
  return charged;
}

void release_vm(Tx& tx, const Vm& vm) {
  for (const RevocationId& rid : vm.charged_to) {
    // A platform administrator's token, narrowed to the tenant, is counted in the platform's namespace.
    const bool is_here = tx.counter(vm.tenant, CounterKind::vms, rid) > 0;
    const TenantId place = is_here ? vm.tenant : TenantId::platform();
    const std::int64_t counted = tx.counter(place, CounterKind::vms, rid);
    CHECK_INVARIANT(counted > 0);
    tx.set_counter(place, CounterKind::vms, rid, counted - 1, std::nullopt);
  }
}

void forget_charges(Store& store, Instant now) {
  constexpr std::size_t at_once = 1000;
  const auto expired = store.open_reader()->expired_bearers(now - charges_kept_for, at_once);
  for (auto first = expired.begin(); first != expired.end();) {
    const auto last = std::ranges::find_if(first, expired.end(),
                                           [&](const ExpiredBearer& each) { return each.tenant != first->tenant; });
    const bool is_taken = store.submit({.tenant = first->tenant,
                                        .body =
                                            [bearers = std::vector(first, last)](Tx& tx) {
                                              for (const auto& each : bearers)
                                                tx.forget_requests(each.tenant, each.rid);
                                              return Verdict::commit;
                                            },
                                        .done = [](const std::exception_ptr&) {}});
    if (!is_taken) return;
    first = last;
  }
}

}  // namespace cadastre
