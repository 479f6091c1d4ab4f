// Which server, and as whom: from flags, the environment, and the context.
#pragma once

#include <optional>
#include <string>

#include "contexts.h"
#include "crypto/ed25519.h"
#include "domain/tenant_id.h"
#include "http/client.h"
#include "program.h"

namespace cadastre {

constexpr const char* default_url = "http://127.0.0.1:9221";

/// What is in force. A context's files and tenant belong to its server: they are left out when another is named.
struct Settings {
  std::string url;
  std::string token_file;
  std::string token;  ///< From the environment; outweighed by a `--token-file`.
  std::string key_file;
  std::string ca_file;
  std::string tenant;
  std::string forsaken_context;  ///< The context whose server was not meant; empty when none was left out.
};

/// Joins the options with a context; `token` is what CADASTRE_TOKEN holds.
Settings join(const GlobalOptions& options, const Context& context, std::string token);
/// The same with the context that is named or current.
Settings settings_of(const GlobalOptions& options);

/// The caller's credential. Throws Failure when there is none, saying how to give one.
std::string credential_of(const Settings& settings);
/// The private key in the file. Throws Failure when it is none, or others can read it.
PrivateKey read_private_key(const std::string& path);
/// The server. Refuses, when a credential is to be sent, what would let others on the way read it.
http::ServerUrl server_of(const Settings& settings, bool has_credential, bool allows_plain_http);
/// The tenant that is named, else the one that the credential says it is for. Throws Failure when neither is.
TenantId tenant_of(const Settings& settings, const std::string& credential);

}  // namespace cadastre
