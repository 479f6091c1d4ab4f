// A public SSH key of a tenant's: whoever holds its private half may log in to the tenant's VMs.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "domain/tenant_id.h"

namespace cadastre {

struct SshKey {
  TenantId tenant;
  std::string name;
  std::string public_key;  ///< One line of authorized_keys without options: type, base64, and a comment if it had one.
  Instant created_at;
  std::string created_by;  ///< The id of the token under which it was added.
};

/// A line of authorized_keys in its parts.
struct SshPublicKey {
  std::string type;     ///< `ssh-ed25519`.
  std::string blob;     ///< The key as it is sent (RFC 4253 section 6.6), whose first word is the type again.
  std::string comment;  ///< Empty: none.
};

/// Reads `TYPE BASE64 [COMMENT]` (sshd(8), AUTHORIZED_KEYS FILE FORMAT) of one line, with one blank between. Refuses,
/// with the reason as the subject: `encoding` of what is another line, has options or a comment that is not printable
/// ASCII, `key_type` of types that OpenSSH no longer takes or nobody knows, `weak_key` of RSA below 2048 bits, and
/// `private_key_material` when a private key came; then the request must not be logged.
Result<SshPublicKey> parse_ssh_public_key(std::string_view line);

/// The same, of a key to be kept under that name; refuses a name of another shape too.
Result<SshPublicKey> check_ssh_key(std::string_view name, std::string_view line);

/// The ETag's number: of two keys that had the same name one after the other it is not the same.
std::int64_t revision_of(const SshKey& key);

}  // namespace cadastre
