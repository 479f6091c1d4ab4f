// Fills the database of a data directory with tenants, their VMs and a token each, through the store's port and the use
// cases, so that counters, rows and ledger agree as in a register that grew by requests.
//
// bench_fill DATA-DIR TENANTS VMS-EACH TOKEN-FILE: the server has started once on DATA-DIR and does not run now. The
// store is CADASTRE_STORE, or in DATA-DIR.
#include <fmt/format.h>

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <semaphore>
#include <string>
#include <vector>

#include "../../apps/service-vm-tenant/key_files.h"
#include "base/random.h"
#include "service/tenants.h"
#include "service/tokens.h"
#include "service/vms.h"
#include "store/open_store.h"
#include "token/issuer_keys.h"

namespace cadastre {
namespace {

constexpr std::ptrdiff_t in_flight = 256;
constexpr std::int64_t token_lifetime_s = 24 * 3600;

struct Plan {
  std::filesystem::path data_dir;
  std::uint32_t tenants = 0;
  std::uint32_t vms_each = 0;
  std::filesystem::path token_file;
};

std::string setting(Reader& reader, std::string_view name) {
  auto value = reader.setting(name);
  if (!value) throw std::runtime_error(fmt::format("the database has no {}: start the server on it once", name));
  return *std::move(value);
}

/// The platform administrator in whose name the tenants are registered.
Caller administrator() {
  return {.tenant = TenantId::platform(),
          .home = TenantId::platform(),
          .scope = Scope::platform_admin(),
          .token_id = "AAAAAAAAAAAAAAAAAAAAAA",
          .rids = {},
          .key_thumbprints = {},
          .expires_at = SystemClock().now() + std::chrono::hours(1),
          .request_id = "bench-fill"};
}

class Filler {
 public:
  Filler(const Plan& plan, Store& store, Services& services)
      : plan_(plan), store_(store), services_(services), texts_(plan.tenants) {}

  /// One change for each tenant, many under way. Throws what the first failed one threw.
  void run() {
    for (std::uint32_t number = 0; number < plan_.tenants; ++number) {
      const auto id = TenantId::parse(fmt::format("customer-{:06}", number)).value();
      free_.acquire();
      const auto done = [this](std::exception_ptr failure) {
        if (failure) std::rethrow_exception(failure);
        free_.release();
      };
      const auto body = [this, id, number](Tx& tx) { return fill(tx, id, number); };
      if (!store_.submit({.tenant = id, .body = body, .done = done})) throw std::runtime_error("the store is stopping");
    }
    for (std::ptrdiff_t i = 0; i < in_flight; ++i) free_.acquire();
  }

  void write_tokens() const {
    std::ofstream out(plan_.token_file);
    for (const auto& text : texts_) out << text << '\n';
    out.close();
    if (!out) throw std::runtime_error(fmt::format("cannot write {}", plan_.token_file.string()));
  }

 private:
  Verdict fill(Tx& tx, const TenantId& id, std::uint32_t number) {
    const Caller caller = administrator();
    const Quota unlimited{VmCount{limit_max}, Gigabytes{limit_max}, {}, {}, RequestsPerMinute{limit_max}};
    create_tenant(tx, services_, caller, {id, fmt::format("Customer number {}", number), unlimited}).value();
    Caller own = caller;
    own.tenant = id;
    own.scope = Scope::tenant_admin();
    for (std::uint32_t i = 0; i < plan_.vms_each; ++i) {
      VmOrder order{.vm_type = "VmTotebox", .name = fmt::format("web-{}", i)};
      order.ram = Mebibytes{512};
      order.vcpus = VcpuCount{1};
      create_vm(tx, services_, own, order).value();
    }
    TokenOrder order{.tenant = id, .subject_key = subject_, .scope = Scope::tenant_admin()};
    order.expires_in_s = token_lifetime_s;
    texts_[number] = issue_token(tx, services_, caller, order).value().text;
    return Verdict::commit;
  }

  const Plan& plan_;
  Store& store_;
  Services& services_;
  const PublicKey subject_ = PrivateKey::from_seed(Bytes<32>{7}).public_key();
  std::vector<std::string> texts_;
  std::counting_semaphore<in_flight> free_{in_flight};
};

void run(const Plan& plan) {
  const KeyFiles keys = read_key_files(plan.data_dir);
  const char* const named = std::getenv("CADASTRE_STORE");
  const auto store = open_store(named != nullptr ? named : store_in_folder(plan.data_dir.string()));
  const auto reader = store->open_reader();
  const Deployment deployment{.issuer = setting(*reader, "issuer"),
                              .audience = "cadastre:local",
                              .ledger_host = setting(*reader, "ledger_host")};
  const SystemClock clock;
  IssuerKeyFolder issuer_keys(plan.data_dir);
  const IssuerKeyring keyring(issuer_keys, clock, reader->signing_keys());
  const Keys purposes{keyring, keys.ledger_master_seed};
  SystemRandom random;
  Services services{clock, random, deployment, purposes};
  Filler filler(plan, *store, services);
  filler.run();
  store->stop();
  filler.write_tokens();
}

std::uint32_t number_of(std::string_view text) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size())
    throw std::invalid_argument(fmt::format("{} is not a number", text));
  return number;
}

}  // namespace
}  // namespace cadastre

int main(int count, char** arguments) {
  if (count != 5) {
    fmt::print(stderr, "usage: bench_fill DATA-DIR TENANTS VMS-EACH TOKEN-FILE\n");
    return 2;
  }
  try {
    cadastre::run({arguments[1], cadastre::number_of(arguments[2]), cadastre::number_of(arguments[3]), arguments[4]});
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "bench_fill: {}\n", error.what());
    return 1;
  }
}
