// Members of a row that an engine keeps together in one column, because few rows have them or nobody asks for one
// alone.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "domain/issued_token.h"
#include "domain/vm.h"

namespace cadastre {

/// JSON of prefer_kvm, preferred_node, ports and host_ports; empty when the VM has none of them.
std::string encode_vm_details(const Vm& vm);
/// Throws StoreFailure on what `encode_vm_details` does not make.
void decode_vm_details(std::string_view text, Vm& vm);

/// Revocation ids of 32 bytes, one after the other.
std::string join_ids(const std::vector<RevocationId>& ids);
/// Throws StoreFailure on what `join_ids` does not make.
std::vector<RevocationId> split_ids(std::string_view bytes);

}  // namespace cadastre
