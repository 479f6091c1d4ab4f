// The private keys of a deployment as files only their owner can read.
#pragma once

#include <filesystem>

#include "base/bytes.h"
#include "base/random.h"
#include "crypto/ed25519.h"

namespace cadastre {

/// The two secrets of a data directory; each has one purpose and a file of its own (TOKENS.md section 12, LEDGER.md
/// section 1).
struct KeyFiles {
  PrivateKey token_issuer;
  Bytes<32> ledger_master_seed;
};

/// Makes `<data-dir>/keys/token-issuer.key` and `ledger-master.key` (0600, 64 hex digits each) durably. One that is
/// there, from a first start that was cut off, stays.
void make_key_files(const std::filesystem::path& data_dir, Random& random);

/// Reads both. Throws std::runtime_error naming the file when one is missing, damaged, or readable by anyone else.
KeyFiles read_key_files(const std::filesystem::path& data_dir);

/// Writes a file that only its owner can read: durable before it has its name. Replaces an older one.
void write_secret_file(const std::filesystem::path& path, std::string_view content);

}  // namespace cadastre
