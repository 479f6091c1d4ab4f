#include "first_start.h"

#include <fmt/format.h>

#include <filesystem>
#include <stdexcept>

#include "base/log.h"
#include "base/secret_file.h"
#include "service/signing_keys.h"
#include "service/tokens.h"
#include "store/open_store.h"
#include "token/issuer_keys.h"

namespace cadastre {
namespace {

constexpr std::string_view issuer_setting = "issuer";
constexpr std::string_view ledger_host_setting = "ledger_host";
constexpr std::chrono::hours admin_token_lifetime{1};  // TOKENS.md section 5: the bootstrap token

/// The host of `http://host:port/…`, without its port; an IPv6 address keeps its brackets.
std::string host_of(std::string_view url) {
  url.remove_prefix(url.find("://") + 3);
  url = url.substr(0, url.find('/'));
  const auto colon = url.rfind(':');
  const bool has_port = colon != std::string_view::npos && url.find(']', colon) == std::string_view::npos;
  return std::string(has_port ? url.substr(0, colon) : url);
}

std::string first_issuer(const Settings& settings) {
  if (!settings.public_url.empty()) return settings.public_url;
  return (settings.tls_cert.empty() ? "http://" : "https://") + settings.listen;
}

Deployment deployment_of(const Settings& settings, std::string issuer, std::string ledger_host) {
  return {.issuer = std::move(issuer),
          .audience = "cadastre:" + settings.deployment,
          .token_algorithm = settings.token_alg_name == "EdDSA" ? AlgorithmName::eddsa : AlgorithmName::ed25519,
          .ledger_host = std::move(ledger_host),
          .token_lifetime_max = std::chrono::days(settings.token_lifetime_max_days),
          .shared_pool = settings.shared_pool.empty() ? std::nullopt
                                                      : std::optional(TenantId::parse(settings.shared_pool).value())};
}

Deployment stored_deployment(const Settings& settings, Reader& reader) {
  const auto stored = reader.setting(issuer_setting);
  const auto host = reader.setting(ledger_host_setting);
  if (!stored || !host) throw std::runtime_error("the database lacks its deployment's names: restore it from a backup");
  auto deployment = deployment_of(settings, settings.public_url.empty() ? *stored : settings.public_url, *host);
  if (deployment.issuer != *stored) {
    log::warn("the public URL is not that of the first start: tokens issued under the old one are refused",
              {{"issuer", deployment.issuer}, {"first_issuer", *stored}});
  }
  return deployment;
}

/// Makes the platform's own namespace, fixes the deployment's names, and leaves the first administrator's token in its
/// file: before the commit, so that a deployment that is there was never without it. A start that was cut off in
/// between begins again, with another token.
void found_deployment(const Settings& settings, const Clock& clock, Random& random, Store& store, const KeyFiles& keys,
                      PrivateKeyPlace& issuer_keys) {
  const Deployment deployment = deployment_of(settings, first_issuer(settings), host_of(first_issuer(settings)));
  const SigningKey first = first_signing_key(*keys.token_issuer, clock.now());
  const IssuerKeyring keyring(issuer_keys, clock, {first});
  const Keys purposes{keyring, keys.ledger_master_seed};
  Services services{clock, random, deployment, purposes};
  const auto founded = transact(store, TenantId::platform(), [&](Tx& tx) -> Result<bool> {
    if (tx.tenant(TenantId::platform())) {
      return refuse(Code::conflict, "store",
                    "another process has just made its first start on this database: give this one the same keys");
    }
    auto log = draw_log(services, TenantId::platform());
    const Instant now = clock.now();
    tx.insert(Tenant{.id = TenantId::platform(),
                     .display_name = "platform",
                     .log_id = log.id,
                     .vkey = std::move(log.vkey),
                     .created_at = now,
                     .updated_at = now});
    import_signing_key(tx, first);
    tx.set_setting(issuer_setting, deployment.issuer);
    tx.set_setting(ledger_host_setting, deployment.ledger_host);
    const auto token = TRY(issue_admin_token(tx, services, "first-start", admin_token_lifetime));
    write_secret_file(settings.data_dir + "/admin.token", token.text + "\n");
    return true;
  });
  if (!founded) throw std::runtime_error(founded.error().detail);
}

/// Registers the first issuer key of a deployment from before keys had states, and a key that was put in its place by
/// hand, which ends all that the old one signed. On a shared store such a key is rather a mistake, and is not used.
void register_issuer_key(Store& store, Reader& reader, const KeyFiles& keys, const Deployment& deployment,
                         const Clock& clock, bool is_shared) {
  const auto known = reader.signing_keys();
  if (!keys.token_issuer) {
    if (!known.empty()) return;
    throw std::runtime_error("the key file keys/token-issuer.key is missing; put it back from where you keep it");
  }
  if (find_key(known, kid_of(*keys.token_issuer)) != nullptr) return;
  if (is_shared && !known.empty()) {
    log::error("keys/token-issuer.key is no key of this deployment and is not used: copy keys/ from another replica",
               {{"kid", kid_of(*keys.token_issuer)}});
    return;
  }
  const KeyChange change{
      .now = clock.now(), .longest_life = deployment.token_lifetime_max, .actor = {.kind = std::string(local_command)}};
  const auto registered = transact(store, TenantId::platform(), [&](Tx& tx) -> Result<bool> {
    import_signing_key(tx, first_signing_key(*keys.token_issuer, change.now));
    replace_signing_key(tx, *keys.token_issuer, change);
    return true;
  });
  if (!registered) throw std::runtime_error(registered.error().detail);
  if (known.empty()) return;
  log::warn("another key lies in keys/token-issuer.key: what the one before signed is refused from now on",
            {{"kid", kid_of(*keys.token_issuer)}});
}

void make_data_dir(const std::filesystem::path& data_dir) {
  std::error_code fault;
  std::filesystem::create_directories(data_dir, fault);
  if (!fault) std::filesystem::permissions(data_dir, std::filesystem::perms::owner_all, fault);
  if (!fault) return;
  throw std::runtime_error(
      fmt::format("cannot use the data directory {}: {}; make it a folder of the user who runs the server, or name "
                  "another with --data-dir",
                  data_dir.string(), fault.message()));
}

}  // namespace

Opened open_data_dir(const Settings& settings, const Clock& clock, Random& random, const HighWater& marks,
                     const StartPatience& patience) {
  const std::filesystem::path data_dir = settings.data_dir;
  make_data_dir(data_dir);
  auto store = open_store(settings.store, patience);
  const auto reader = store->open_reader();
  const bool is_first_start = !reader->tenant(TenantId::platform());
  if (is_first_start &&
      (marks.count() > 0 || std::filesystem::exists(data_dir / "ledger" / "platform" / "checkpoint"))) {
    throw std::runtime_error(
        fmt::format("the database in {} is empty, but ledgers were published in {}: restore the database from a "
                    "backup; it is never "
                    "made anew over them",
                    shown_store(settings.store), data_dir.string()));
  }
  if (is_first_start) make_key_files(data_dir, random);
  auto keys = read_key_files(data_dir);
  auto issuer_keys = std::make_unique<IssuerKeyFolder>(data_dir);
  if (is_first_start) found_deployment(settings, clock, random, *store, keys, *issuer_keys);
  auto deployment = stored_deployment(settings, *reader);
  register_issuer_key(*store, *reader, keys, deployment, clock, !folder_of_store(settings.store));
  auto keyring = std::make_unique<IssuerKeyring>(*issuer_keys, clock, reader->signing_keys());
  return {std::move(keys), std::move(store), std::move(deployment), std::move(issuer_keys), std::move(keyring)};
}

}  // namespace cadastre
