// Members of a row that an engine keeps together in one column, because few rows have them or nobody asks for one
// alone.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "domain/issued_token.h"
#include "domain/rate_budget.h"
#include "domain/vm.h"
#include "domain/vm_lifecycle.h"

namespace cadastre {

/// JSON of prefer_kvm, preferred_node, ports, host_ports, generation, reboots, restart_policy and pool, each only where
/// it is not what a new VM has; empty when all are.
std::string encode_vm_details(const Vm& vm);
/// Throws StoreFailure on what `encode_vm_details` does not make.
void decode_vm_details(std::string_view text, Vm& vm);

/// JSON of a report, without the id of its VM.
std::string encode_report(const GuestReport& report);
/// Throws StoreFailure on what `encode_report` does not make.
GuestReport decode_report(std::string_view text, const VmId& vm);

/// Revocation ids or thumbprints of 32 bytes, one after the other.
std::string join_ids(const std::vector<Bytes<32>>& ids);
/// Throws StoreFailure on what `join_ids` does not make.
std::vector<Bytes<32>> split_ids(std::string_view bytes);
/// What `RateBudget::encode` made. Throws StoreFailure on anything else.
RateBudget stored_rate(std::string_view bytes);
/// For a column that is NULL when there are none. Requires that `joined` outlives it.
std::optional<ByteView> bytes_or_null(const std::string& joined);

}  // namespace cadastre
