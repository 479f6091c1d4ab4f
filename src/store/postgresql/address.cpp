#include "store/postgresql/address.h"

#include <algorithm>

#include "base/bytes.h"

namespace cadastre::postgresql {
namespace {

std::string decode_percent(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = text[i] == '%' ? decode_hex(text.substr(i + 1, 2)) : std::nullopt;
    if (byte && byte->size() == 1) {
      decoded += *byte;
      i += 2;
    } else {
      decoded += text[i];
    }
  }
  return decoded;
}

void find_parameters(std::string_view query, std::vector<std::string_view>& secrets) {
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos || equals + 1 == pair.size()) continue;
    if (decode_percent(pair.substr(0, equals)).ends_with("password")) secrets.push_back(pair.substr(equals + 1));
  }
}

}  // namespace

std::vector<std::string_view> secrets_in(std::string_view url) {
  std::vector<std::string_view> secrets;
  const std::size_t start = url.find("://");
  if (start == std::string_view::npos) return secrets;
  const std::string_view rest = url.substr(start + 3);
  const std::string_view authority = rest.substr(0, rest.find('/'));
  const std::size_t at = authority.rfind('@');
  const std::size_t colon = authority.find(':');
  if (at != std::string_view::npos && colon < at && colon + 1 < at) {
    secrets.push_back(authority.substr(colon + 1, at - colon - 1));
  }
  const std::size_t question = rest.find('?');
  if (question != std::string_view::npos) find_parameters(rest.substr(question + 1), secrets);
  return secrets;
}

std::string without_secrets(std::string_view url) {
  std::string shown;
  std::size_t copied = 0;
  for (const std::string_view secret : secrets_in(url)) {
    const auto at = static_cast<std::size_t>(secret.data() - url.data());
    if (at < copied) continue;  // inside the one before
    shown += url.substr(copied, at - copied);
    shown += "***";
    copied = at + secret.size();
  }
  return shown + std::string(url.substr(copied));
}

}  // namespace cadastre::postgresql
