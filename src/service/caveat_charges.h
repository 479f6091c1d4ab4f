// Charging `quota`, `rpm` and `uses` caveats to the elements that bear them, inside the transaction they limit.
#pragma once

#include "service/caller.h"
#include "service/ports.h"

namespace cadastre {

/// What the caller's caveats are charged to, from the register's knowledge of its ancestors. Nothing when a caveat of
/// the root may be an ancestor's that the register does not know.
std::optional<std::vector<CaveatLimit>> resolve_limits(const Caller& caller, Reader& reader);

/// Whether it bears `quota`, `rpm` or `uses`: what it hands out must count for it too.
bool is_counted(const Caller& caller);

/// Whether each of its requests is counted: it bears `rpm` or `uses`.
bool counts_requests(const Caller& caller);

/// The namespaces besides `home` that a change of the caller's may count in.
std::vector<TenantId> places_charged(const Caller& caller, const TenantId& home);

/// Counts one request for each of the caller's `rpm` and `uses` caveats; or refuses it with `caveat_denied:x` and
/// counts nothing.
Result<void> charge_request(Tx& tx, const Caller& caller, Instant now);

/// Counts one VM for each of the caller's `quota` caveats and answers to which elements it is charged; or refuses it
/// with `caveat_denied:quota` and counts nothing.
Result<std::vector<RevocationId>> charge_vm(Tx& tx, const Caller& caller);

/// Counts the VM no more for the elements that it is charged to.
void release_vm(Tx& tx, const Vm& vm);

/// Has the store forget the requests of elements that ended `charges_kept_for` ago or earlier, of at most 1000 at once;
/// what it does not take now is found again. VMs stay charged. Throws StoreFailure when it cannot be asked.
void forget_charges(Store& store, Instant now);

}  // namespace cadastre
