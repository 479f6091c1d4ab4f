// Who a request comes from when proxies stand in between: `X-Forwarded-For`, believed from those alone that are
// trusted.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/message.h"

namespace cadastre::http {

/// The proxies whose word is taken.
class TrustedProxies {
 public:
  /// Addresses and networks with commas between, such as `10.0.0.0/8,::1`; none of an empty text. Nothing when one of
  /// them cannot be read.
  static std::optional<TrustedProxies> parse(std::string_view text);
  bool is_empty() const { return networks_.empty(); }
  bool has(std::string_view address) const;

 private:
  std::vector<std::string> networks_;
};

/// What takes the place of an address that a trusted proxy gave and nobody can read; no network has it.
constexpr std::string_view unreadable_address = "unknown";

/// The address the request comes from. That is its peer; when the peer is a trusted proxy, the last address of all
/// `X-Forwarded-For` fields that is none, or the first of them when all are. Whatever stands left of the one taken was
/// not written by anyone trusted and is not looked at.
std::string client_address(const Request& request, const TrustedProxies& proxies);

}  // namespace cadastre::http
