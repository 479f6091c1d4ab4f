#include "key_files.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <fstream>
#include <stdexcept>
#include <system_error>

#include "base/log.h"
#include "base/secret_file.h"

namespace cadastre {
namespace {

std::filesystem::path token_issuer_file(const std::filesystem::path& data_dir) {
  return data_dir / "keys" / "token-issuer.key";
}
std::filesystem::path ledger_master_file(const std::filesystem::path& data_dir) {
  return data_dir / "keys" / "ledger-master.key";
}

Bytes<32> read_seed(const std::filesystem::path& path) {
  struct stat about{};
  if (::stat(path.c_str(), &about) != 0) {
    throw std::runtime_error(fmt::format("cannot read the key file {}: {}; put it back from where you keep it",
                                         path.string(), std::generic_category().message(errno)));
  }
  if ((about.st_mode & 077U) != 0) {
    throw std::runtime_error(fmt::format("key file {} can be read by others: run chmod 600 on it", path.string()));
  }
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  const auto bytes = decode_hex(line);
  const auto seed = bytes ? exactly<32>(*bytes) : std::nullopt;
  if (!seed) {
    throw std::runtime_error(fmt::format(
        "key file {} is damaged: it must hold 64 hex digits; put it back from where you keep it", path.string()));
  }
  return *seed;
}

}  // namespace

void make_key_files(const std::filesystem::path& data_dir, Random& random) {
  const auto folder = data_dir / "keys";
  std::filesystem::create_directories(folder);
  std::filesystem::permissions(folder, std::filesystem::perms::owner_all);
  for (const auto& path : {token_issuer_file(data_dir), ledger_master_file(data_dir)}) {
    if (std::filesystem::exists(path)) continue;
    Bytes<32> seed;
    random.fill(seed);
    write_secret_file(path, encode_hex(seed) + "\n");
  }
  sync_folder(data_dir.string());
}

KeyFiles read_key_files(const std::filesystem::path& data_dir) {
  KeyFiles files{.token_issuer = {}, .ledger_master_seed = read_seed(ledger_master_file(data_dir))};
  const auto issuer = token_issuer_file(data_dir);
  if (std::filesystem::exists(issuer)) files.token_issuer = PrivateKey::from_seed(read_seed(issuer)).public_key();
  return files;
}

std::optional<std::string> fault_of_keys(const std::filesystem::path& data_dir) {
  std::error_code fault;
  if (std::filesystem::exists(data_dir / "keys", fault)) return std::nullopt;
  if (fault) return fmt::format("cannot read {}: {}; run it as the server's user", data_dir.string(), fault.message());
  return fmt::format("{} holds no keys yet: start the server once, or name its --data-dir", data_dir.string());
}

std::filesystem::path IssuerKeyFolder::file_of(std::string_view kid) const {
  return data_dir_ / "keys" / fmt::format("token-{}.key", kid);
}

std::shared_ptr<const PrivateKey> IssuerKeyFolder::find(std::string_view kid) {
  for (const auto& path : {file_of(kid), token_issuer_file(data_dir_)}) {
    try {
      if (!std::filesystem::exists(path)) continue;
      auto key = std::make_shared<const PrivateKey>(PrivateKey::from_seed(read_seed(path)));
      if (kid_of(key->public_key()) == kid) return key;
    } catch (const std::runtime_error& fault) {
      if (last_fault_ != fault.what()) log::error("a signing key cannot be read", {{"error", fault.what()}});
      last_fault_ = fault.what();
    }
  }
  return nullptr;
}

PublicKey IssuerKeyFolder::make(Random& random) const {
  const PrivateKey key = PrivateKey::draw(random);
  write_secret_file(file_of(kid_of(key.public_key())), encode_hex(key.seed()) + "\n");
  return key.public_key();
}

void IssuerKeyFolder::erase(std::string_view kid) const {
  std::error_code ignored;  // what is left is asked for by nobody
  std::filesystem::remove(file_of(kid), ignored);
}

}  // namespace cadastre
