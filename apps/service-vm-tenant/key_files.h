// The private keys of a deployment as files only their owner can read.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/random.h"
#include "crypto/ed25519.h"
#include "service/issuer_keyring.h"

namespace cadastre {

/// The secrets of a data directory; each has one purpose and a file of its own (TOKENS.md section 12, LEDGER.md
/// section 1). Issuer keys that came later lie beside them: `IssuerKeyFolder`.
struct KeyFiles {
  std::optional<PublicKey> token_issuer;  ///< Of the first issuer key, if its file is there.
  Bytes<32> ledger_master_seed;
};

/// `<data-dir>/keys/`: the first issuer key as `token-issuer.key`, each later one as `token-<kid>.key`.
class IssuerKeyFolder final : public PrivateKeyPlace {
 public:
  explicit IssuerKeyFolder(const std::filesystem::path& data_dir) : data_dir_(data_dir) {}

  /// A file that is damaged or that others can read counts as missing; the log says so.
  std::shared_ptr<const PrivateKey> find(std::string_view kid) override;
  /// Draws a key and keeps it durably. Throws std::system_error.
  PublicKey make(Random& random) const;
  /// Deletes the file that `make` made, if it is there.
  void erase(std::string_view kid) const;

 private:
  std::filesystem::path file_of(std::string_view kid) const;
  const std::filesystem::path data_dir_;
  std::string last_fault_;  ///< Said already: it is looked for twice a second.
};

/// Makes `<data-dir>/keys/token-issuer.key` and `ledger-master.key` (0600, 64 hex digits each) durably. One that is
/// there, from a first start that was cut off, stays.
void make_key_files(const std::filesystem::path& data_dir, Random& random);

/// Reads both. Throws std::runtime_error naming the file when one is damaged or readable by anyone else, or the
/// ledger's is missing.
KeyFiles read_key_files(const std::filesystem::path& data_dir);

/// Why the data directory's keys cannot be used by this user, in one sentence; nothing when they can.
std::optional<std::string> fault_of_keys(const std::filesystem::path& data_dir);

}  // namespace cadastre
