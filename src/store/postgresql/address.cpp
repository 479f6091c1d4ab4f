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

/// Where the parameters begin: behind the first `?` that is not part of a password, so that a name and `=` follow it.
std::size_t query_of(std::string_view rest) {
  std::size_t question = rest.find('?');
  while (question != std::string_view::npos) {
    const std::string_view next = rest.substr(question, rest.find('@', question) - question);
    if (next.find('=') != std::string_view::npos) break;
    question = rest.find('?', question + 1);
  }
  return question;
}

/// The `@` that ends the user's part. libpq looks for it before the first `/`; whoever wrote a password with a `/`
/// meant it all the same.
std::size_t end_of_user(std::string_view rest) {
  const std::size_t at = rest.substr(0, query_of(rest)).rfind('@');
  return at != std::string_view::npos ? at : rest.substr(0, rest.find('/')).rfind('@');
}

/// The password before the `@`; empty for none.
std::string_view password_of(std::string_view rest) {
  const std::size_t at = end_of_user(rest);
  const std::size_t colon = rest.find(':');
  if (at == std::string_view::npos || colon > at) return {};
  return rest.substr(colon + 1, at - colon - 1);
}

}  // namespace

bool is_password_cut(std::string_view url) {
  const std::size_t start = url.find("://");
  return start != std::string_view::npos && password_of(url.substr(start + 3)).find('/') != std::string_view::npos;
}

std::vector<std::string_view> secrets_in(std::string_view url) {
  std::vector<std::string_view> secrets;
  const std::size_t start = url.find("://");
  if (start == std::string_view::npos) return secrets;
  const std::string_view rest = url.substr(start + 3);
  if (const auto password = password_of(rest); !password.empty()) secrets.push_back(password);
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
