// What the contract suite of the store port (service/ports.h) shares: the engines it runs on, and sample rows.
#pragma once

#include <doctest/doctest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/time.h"
#include "service/ports.h"

namespace cadastre {

/// Where an engine keeps one store during a test; empty at first, gone with this object.
class Place {
 public:
  virtual ~Place() = default;
  /// Opens the store; again, too, after the last one was closed or its process was killed.
  virtual std::unique_ptr<Store> open() = 0;
  /// A reader as another program opens it.
  virtual std::unique_ptr<Reader> open_from_outside() = 0;
};

struct PlaceSettings {
  std::size_t lane_max = 256;
  bool one_thread = false;  ///< The store writes with one thread, also where it could with several.
};

struct Engine {
  const char* name;
  std::unique_ptr<Place> (*make)(const PlaceSettings& settings);
};

/// Every engine this build can test.
const std::vector<Engine>& engines();

/// Runs one rule on every engine, each in an empty place.
template <class Test>
void on_every_engine(Test&& test, const PlaceSettings& settings = {}) {
  for (const Engine& engine : engines()) {
    INFO("engine: ", std::string(engine.name));
    const std::unique_ptr<Place> place = engine.make(settings);
    test(*place);
  }
}

/// Runs one rule on an open store of every engine.
template <class Test>
void on_every_store(Test&& test, const PlaceSettings& settings = {}) {
  on_every_engine([&](Place& place) { test(*place.open()); }, settings);
}

constexpr Instant noon = instant_from_ms(1'763'985'600'000);

TenantId id_of(std::string_view text);
/// An active tenant with every member set.
Tenant sample_tenant(std::string_view id);
template <std::size_t N>
Bytes<N> filled(std::uint8_t byte) {
  Bytes<N> bytes{};
  bytes.fill(byte);
  return bytes;
}

/// A VM with every member set but `charged_to`; `number` makes its id, ascending.
Vm sample_vm(const TenantId& tenant, std::uint32_t number);
IssuedToken sample_token(const TenantId& tenant, std::uint8_t number);
Event sample_event(const TenantId& tenant, EventType type = EventType::vm_created);
/// Each with every member set; `number` makes its id, ascending.
Device sample_device(const TenantId& tenant, std::uint8_t number);
Node sample_node(const TenantId& tenant, std::uint8_t number);
Image sample_image(const TenantId& tenant, std::uint8_t number);
SshKey sample_ssh_key(const TenantId& tenant, std::uint8_t number);
VmConsole sample_vm_console(const TenantId& tenant, std::uint8_t number);
Challenge sample_challenge(const TenantId& tenant, std::uint8_t number);
Session sample_session(const TenantId& tenant, std::uint8_t number);
SeenLink sample_link(const TenantId& tenant, std::uint8_t number);
SigningKey sample_signing_key(std::uint8_t number);
IdempotentAnswer sample_answer(std::uint8_t key, Instant expires_at);
PublishedCheckpoint sample_checkpoint(const TenantId& tenant, std::uint64_t size);

/// Runs a change and waits until it is durable or dropped; throws what it threw.
void change(Store& store, const TenantId& tenant, const std::function<void(Tx&)>& body);
void drop(Store& store, const TenantId& tenant, const std::function<void(Tx&)>& body);
/// Registers `sample_tenant` with its first leaf.
void register_tenant(Store& store, std::string_view id);
/// Load, decide, record: true when the VM fitted below `max_vms`.
bool create_vm(Tx& tx, const TenantId& tenant, std::uint32_t number, Instant now = noon);

std::string words_of(const Tenant& tenant);
std::string words_of(const Vm& vm);
std::string words_of(const IssuedToken& token);
std::string words_of(const Device& device);
std::string words_of(const Node& node);
std::string words_of(const Image& image);
std::string words_of(const SshKey& key);
std::string words_of(const VmConsole& console);
std::string words_of(const Challenge& challenge);
std::string words_of(const Session& session);
std::string words_of(const SeenLink& link);
std::string words_of(const SigningKey& key);
std::string words_of(const IdempotentAnswer& answer);
/// Milliseconds; -1 for nothing.
std::int64_t ms_or_none(const std::optional<Instant>& at);
/// True when counters and rows, head and leaves agree.
bool agrees(const Recount& counts);

}  // namespace cadastre
