// Caveats: restrictions inside a token, a closed list (TOKENS.md section 4).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "token/fault.h"
#include "token/use.h"

namespace cadastre {

enum class CaveatKind { op, method, path, res, ip, quota, rpm, uses };

/// As the token spells it.
std::string_view name_of(CaveatKind kind);

struct Caveat {
  CaveatKind kind;
  std::vector<std::string> values = {};  ///< Of a list: what is allowed.
  std::int64_t number = 0;               ///< Of `quota` (live VMs), `rpm` and `uses`: how many.
  std::size_t element = 0;  ///< Which element of the chain carries it, 0 the root; counters are keyed by its rid.
  /// Whether they say the same, wherever they stand.
  friend bool operator==(const Caveat& a, const Caveat& b) {
    return a.kind == b.kind && a.values == b.values && a.number == b.number;
  }
};

constexpr std::size_t caveats_per_element_max = 16;
constexpr std::size_t caveats_per_chain_max = 32;

/// Whether it limits how often or how much, so that whoever lets a request pass has to count: `quota`, `rpm`, `uses`.
bool is_counted(CaveatKind kind);

/// Reads `cav`. Refuses with `unknown_caveat` or `bad_caveat`.
Checked<std::vector<Caveat>> decode_caveats(const json::Value& cav, std::size_t element);

/// The canonical text of the `cav` of a token to be issued. Refuses what `decode_caveats` refuses, naming `caveats`.
Result<std::string> admit_caveats(const json::Value& cav);

/// Reads the canonical text of a `cav` that is kept, or nothing of an empty one.
Checked<std::vector<Caveat>> parse_caveats(std::string_view text, std::size_t element);

/// The same canonical text of caveats that were read; nothing for none.
std::string encode_caveats(const std::vector<Caveat>& caveats);

/// The `cav` of a token to be issued under another: what that one is bound by, then what its own (canonical text, or
/// empty) adds to that. Refuses more than an element may have, naming `caveats`.
Result<std::string> inherit_caveats(const std::vector<Caveat>& inherited, std::string_view own);

/// Whether the caveat lets the request pass.
bool allows(const Caveat& caveat, const TokenUse& use);

/// `pattern` against a raw path, segment by segment: `*` is exactly one segment, a trailing `/**` any rest after it.
bool path_matches(std::string_view pattern, std::string_view path);

/// Whether the text is an address or a network, IPv4 or IPv6.
bool is_network(std::string_view text);

/// Whether the network, `address` or `address/bits`, has the address; an IPv4-mapped IPv6 address counts as IPv4.
/// False when either cannot be read.
bool network_has(std::string_view network, std::string_view address);

}  // namespace cadastre
