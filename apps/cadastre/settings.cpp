#include "settings.h"

#include <fmt/format.h>

#include <utility>

#include "files.h"
#include "service/session_token.h"
#include "token/key_text.h"
#include "token/verify.h"

namespace cadastre {
namespace {

std::string first_of(const std::string& a, const std::string& b) { return a.empty() ? b : a; }

std::string without_last_slash(std::string url) {
  while (url.ends_with('/')) url.pop_back();
  return url;
}

bool is_loopback(const std::string& host) {
  return host == "localhost" || host == "::1" ||
         (host.starts_with("127.") && host.find_first_not_of("0123456789.") == std::string::npos);
}

/// The tenant in the credential's last element that names one; nothing has to hold of it.
std::optional<std::string> claimed_tenant(std::string_view credential) {
  if (const auto session = SessionCredential::parse(credential)) return session->tenant.text();
  std::optional<std::string> tenant;
  for (std::size_t start = 0; start < credential.size();) {
    const std::size_t end = std::min(credential.find('~', start), credential.size());
    const auto jws = decode_jws(credential.substr(start, end - start));
    const auto claims = jws ? decode_object(jws->payload) : Checked<json::Value>(json::Value());
    const json::Value* const named = claims ? claims->find("tid") : nullptr;
    if (named != nullptr) tenant = named->text;
    start = end + 1;
  }
  return tenant;
}

}  // namespace

Settings join(const GlobalOptions& options, const Context& context, std::string token) {
  Settings settings{.url = first_of(options.url, context.url),
                    .token_file = options.token_file,
                    .token = std::move(token),
                    .key_file = options.key_file,
                    .ca_file = options.ca_file,
                    .tenant = options.tenant,
                    .forsaken_context = ""};
  settings.url = without_last_slash(first_of(settings.url, default_url));
  if (context.name.empty()) return settings;
  if (settings.url != without_last_slash(context.url)) {
    settings.forsaken_context = context.name;
    return settings;
  }
  if (settings.token.empty()) settings.token_file = first_of(settings.token_file, context.token_file);
  settings.key_file = first_of(settings.key_file, context.key_file);
  settings.ca_file = first_of(settings.ca_file, context.ca_file);
  settings.tenant = first_of(settings.tenant, context.tenant);
  return settings;
}

Settings settings_of(const GlobalOptions& options) {
  Context chosen{.name = "", .url = ""};
  const bool needs_contexts = !options.context.empty() || options.url.empty() || options.token_file.empty();
  if (needs_contexts &&
      (!options.context.empty() || !environment("HOME").empty() || !environment("XDG_CONFIG_HOME").empty())) {
    Contexts contexts = read_contexts();
    const std::string name = first_of(options.context, contexts.current);
    const Context* const found = name.empty() ? nullptr : contexts.find(name);
    if (!name.empty() && found == nullptr)
      usage_error(fmt::format("there is no context \"{}\": see `cadastre context list`", name));
    if (found != nullptr) chosen = *found;
  }
  return join(options, chosen, environment("CADASTRE_TOKEN"));
}

std::string credential_of(const Settings& settings) {
  if (!settings.token_file.empty()) return read_token(settings.token_file);
  if (!settings.token.empty()) return parse_token(settings.token, "CADASTRE_TOKEN");
  if (!settings.forsaken_context.empty()) {
    usage_error(fmt::format("the token of context {} is for its own server, not for {}: give --token-file",
                            settings.forsaken_context, settings.url));
  }
  usage_error("a token is needed: give --token-file, CADASTRE_TOKEN, or a context that has one");
}

PrivateKey read_private_key(const std::string& path) {
  auto key = parse_private_key(read_secret(path));
  if (!key) file_error(fmt::format("the key file {} {}", path, key.error().detail));
  return *std::move(key);
}

http::ServerUrl server_of(const Settings& settings, bool has_credential, bool allows_plain_http) {
  const auto url = http::ServerUrl::parse(settings.url);
  if (!url) usage_error(fmt::format("the URL {} {}", settings.url, url.error().detail));
  if (has_credential && !url->is_tls && !is_loopback(url->host) && !allows_plain_http) {
    usage_error(
        fmt::format("{} is not https, so others on the way could read the token: use https, or --allow-plain-http "
                    "where the way is safe",
                    settings.url));
  }
  return *url;
}

TenantId tenant_of(const Settings& settings, const std::string& credential) {
  const std::string name = settings.tenant.empty() ? claimed_tenant(credential).value_or("") : settings.tenant;
  if (name.empty()) usage_error("say which tenant with --tenant: this token is for none in particular");
  const auto tenant = TenantId::parse(name);
  if (!tenant) usage_error(fmt::format("the tenant {}", tenant.error().errors.front().detail));
  return *tenant;
}

}  // namespace cadastre
