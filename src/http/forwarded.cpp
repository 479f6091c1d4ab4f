#include "http/forwarded.h"

#include <arpa/inet.h>

#include <algorithm>
#include <ranges>

#include "token/caveat.h"

namespace cadastre::http {
namespace {

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t";
  text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
  return text.substr(0, text.find_last_not_of(blanks) + 1);
}

/// The part after the last comma of `list`, which is consumed.
std::string_view take_last(std::string_view& list) {
  const std::size_t comma = list.rfind(',');
  const std::string_view last = comma == std::string_view::npos ? list : list.substr(comma + 1);
  list = comma == std::string_view::npos ? std::string_view() : list.substr(0, comma);
  return trimmed(last);
}

/// The one spelling of an address, so that it is counted once (RFC 5952); an IPv4-mapped one as IPv4.
std::string canonical_address(std::string_view text) {
  const std::string terminated(text);
  in6_addr address{};
  char spelled[INET6_ADDRSTRLEN];
  if (inet_pton(AF_INET, terminated.c_str(), &address) == 1) return terminated;
  if (inet_pton(AF_INET6, terminated.c_str(), &address) != 1) return std::string(unreadable_address);
  if (IN6_IS_ADDR_V4MAPPED(&address)) {
    inet_ntop(AF_INET, &address.s6_addr[12], spelled, sizeof spelled);
  } else {
    inet_ntop(AF_INET6, &address, spelled, sizeof spelled);
  }
  return spelled;
}

}  // namespace

std::optional<TrustedProxies> TrustedProxies::parse(std::string_view text) {
  TrustedProxies proxies;
  for (std::string_view rest = text; !rest.empty();) {
    const std::string_view network = take_last(rest);
    if (!is_network(network)) return std::nullopt;
    proxies.networks_.emplace_back(network);
  }
  if (!trimmed(text).empty() && trimmed(text).front() == ',') return std::nullopt;
  return proxies;
}

bool TrustedProxies::has(std::string_view address) const {
  return std::ranges::any_of(networks_, [&](const std::string& network) { return network_has(network, address); });
}

std::string client_address(const Request& request, const TrustedProxies& proxies) {
  std::string address = request.peer;
  if (!proxies.has(address)) return address;
  const auto fields = request.headers("x-forwarded-for");
  for (std::string_view list : fields | std::views::reverse) {
    while (!list.empty()) {
      const std::string_view element = take_last(list);
      if (element.empty()) continue;  // RFC 9110 section 5.6.1.2
      address = canonical_address(element);
      if (!proxies.has(address)) return address;
    }
  }
  return address;
}

}  // namespace cadastre::http
