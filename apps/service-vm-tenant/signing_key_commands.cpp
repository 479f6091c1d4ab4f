#include "signing_key_commands.h"

#include <fmt/format.h>

#include <filesystem>
#include <stdexcept>

#include "base/json.h"
#include "control_socket.h"
#include "ledger/audit.h"
#include "service/ledger_keys.h"
#include "store/files/high_water_file.h"

namespace cadastre {
namespace {

constexpr std::size_t logs_per_page = 256;

std::string_view name_of(SigningKeyState state) {
  switch (state) {
    case SigningKeyState::next: return "next";
    case SigningKeyState::active: return "active";
    case SigningKeyState::retired: return "retired";
    case SigningKeyState::revoked: return "revoked";
    case SigningKeyState::gone: return "gone";
  }
  std::unreachable();
}

/// Since when it is what it is.
Instant since(const SigningKey& key) {
  switch (key.state) {
    case SigningKeyState::next: return key.created_at;
    case SigningKeyState::active: return key.activated_at.value_or(key.created_at);
    case SigningKeyState::revoked: return key.revoked_at.value_or(key.created_at);
    case SigningKeyState::retired: return key.retired_at.value_or(key.created_at);
    case SigningKeyState::gone: return key.last_expiry;
  }
  std::unreachable();
}

/// A table of all keys but those that are gone.
std::string list(const KeyDesk& desk) {
  desk.keyring.refresh(*desk.store.open_reader());
  const IssuerKeyView& view = desk.keyring.current();
  std::string text = fmt::format("{:<43} {:<8} {:<24} {}\n", "KID", "STATE", "SINCE", "PRIVATE KEY");
  for (const SigningKey& key : desk.store.open_reader()->signing_keys()) {
    if (key.state == SigningKeyState::gone) continue;
    const bool is_used = key.state != SigningKeyState::revoked;
    const bool is_here = view.private_key(key.kid) != nullptr;
    text += fmt::format("{:<43} {:<8} {:<24} {}\n", key.kid, name_of(key.state), format_rfc3339(since(key)),
                        !is_used  ? "-"
                        : is_here ? "here"
                                  : "missing");
  }
  return text;
}

std::string shown(const KeyOutcome& outcome) {
  switch (outcome.step) {
    case RotationStep::none: return "revoked; the active key stays\n";
    case RotationStep::publish: return fmt::format("{} is published; it may sign in 24 h\n", outcome.kid);
    case RotationStep::activate: return fmt::format("{} signs from now on\n", outcome.kid);
  }
  std::unreachable();
}

template <class Act>
std::string change_keys(const KeyDesk& desk, Act act) {
  const KeyChange change = desk.prepare(local_command);
  const auto outcome =
      transact(desk.store, TenantId::platform(), [&](Tx& tx) -> Result<KeyOutcome> { return act(tx, change); });
  desk.conclude(change, outcome);
  if (!outcome) throw std::runtime_error(outcome.error().detail);
  return shown(*outcome);
}

/// Another key for each log, or for the one named.
std::string rotate_ledgers(const KeyDesk& desk, const std::string& named) {
  const Actor actor{.kind = std::string(local_command)};
  const auto rotate = [&](const TenantId& tenant) {
    return transact(
        desk.store, tenant,
        [&](Tx& tx) { return rotate_ledger_key(tx, desk.ledger_master_seed, tenant, actor, desk.clock.now()); },
        {TenantId::platform()});
  };
  if (!named.empty()) {
    const Result<TenantId> tenant = named == "platform" ? TenantId::platform() : TenantId::parse(named);
    Result<std::string> vkey = refuse(Code::not_found, "tenant", "there is no such tenant");
    if (tenant) vkey = rotate(*tenant);
    if (!vkey) throw std::runtime_error(fmt::format("{}: {}", named, vkey.error().detail));
    return *vkey + '\n';
  }
  std::size_t count = 0;
  std::string left;
  std::optional<TenantId> after;
  const auto reader = desk.store.open_reader();
  for (auto page = reader->logs(after, logs_per_page); !page.empty(); page = reader->logs(after, logs_per_page)) {
    after = page.back().tenant;
    for (const LogState& log : page) {
      const auto row = reader->tenant(log.tenant);
      if (!row || row->state == TenantState::deleted) continue;
      const auto vkey = rotate(log.tenant);
      count += vkey ? 1 : 0;
      if (!vkey) left += fmt::format("{}: {}\n", ledger::log_label(log.tenant, log.head.log_id), vkey.error().detail);
    }
  }
  if (!left.empty()) throw std::runtime_error(fmt::format("{} logs have another key; not so\n{}", count, left));
  return fmt::format("{} logs have another key: `service-fs vkey` prints them\n", count);
}

/// What the command prints. Throws std::runtime_error with a sentence for the operator when it is refused.
std::string perform(const KeyDesk& desk, const json::Value& request) {
  const std::string verb = text_member(request, "keys");
  const json::Value* const now = request.find("now");
  const auto patience = now != nullptr && now->boolean ? Patience::at_once : Patience::waits;
  if (verb == "list") return list(desk);
  if (verb == "rotate") {
    return change_keys(desk, [&](Tx& tx, const KeyChange& change) { return rotate_signing_key(tx, change, patience); });
  }
  if (verb == "revoke") {
    const std::string kid = text_member(request, "kid");
    return change_keys(desk, [&](Tx& tx, const KeyChange& change) { return revoke_signing_key(tx, change, kid); });
  }
  if (verb == "rotate-ledger") return rotate_ledgers(desk, text_member(request, "log"));
  throw std::runtime_error("the running server does not know this command");
}

}  // namespace

KeyChange KeyDesk::prepare(std::string_view actor_kind) const {
  return {.now = clock.now(),
          .fresh = folder.make(random),
          .longest_life = deployment.token_lifetime_max,
          .actor = {.kind = std::string(actor_kind)}};
}

void KeyDesk::conclude(const KeyChange& change, const Result<KeyOutcome>& outcome) const {
  if (!outcome || !outcome->is_fresh) folder.erase(kid_of(change.fresh));
  keyring.refresh(*store.open_reader());
}

bool is_keys_request(const std::string& request) {
  const auto parsed = json::parse(request, 2);
  return parsed.value && parsed.value->find("keys") != nullptr;
}

std::string answer_keys_request(const KeyDesk& desk, const std::string& request) {
  std::string answer;
  try {
    const std::string text = perform(desk, *json::parse(request, 2).value);
    json::Object(answer).field("text", text).end();
  } catch (const std::runtime_error& error) {
    answer.clear();
    json::Object(answer).field("error", error.what()).end();
  }
  return answer;
}

int run_keys(const Settings& settings) {
  const std::filesystem::path data_dir = settings.data_dir;
  if (const auto fault = fault_of_keys(data_dir)) throw std::runtime_error(*fault);
  std::string request;
  json::Object(request)
      .field("keys", settings.keys_verb)
      .field("kid", settings.keys_kid)
      .field("now", settings.keys_now)
      .field("log", settings.keys_log)
      .end();
  if (const auto answer = ask_running_server(data_dir, request)) return print_control_answer(*answer, "text", "");
  const SystemClock clock;
  SystemRandom random;
  const HighWaterFile marks((data_dir / "high-water").string());
  const auto opened = open_data_dir(settings, clock, random, marks);
  const KeyDesk desk{*opened.store,
                     clock,
                     random,
                     opened.deployment,
                     *opened.issuer_keys,
                     *opened.keyring,
                     opened.keys.ledger_master_seed};
  const std::string answer = answer_keys_request(desk, request);
  opened.store->stop();
  return print_control_answer(answer, "text", "");
}

}  // namespace cadastre
