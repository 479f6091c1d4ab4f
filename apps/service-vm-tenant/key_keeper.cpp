#include "key_keeper.h"

#include <algorithm>

#include "base/log.h"

namespace cadastre {
namespace {

constexpr std::chrono::milliseconds turn_every{500};
constexpr int turns_a_minute = 120;

}  // namespace

KeyKeeper::KeyKeeper(const KeyDesk& desk, std::chrono::days period)
    : desk_(desk), period_(period), thread_([this](const std::stop_token& stop) { run(stop); }) {}

void KeyKeeper::run(const std::stop_token& stop) {
  const auto reader = desk_.store.open_reader();
  std::unique_lock lock(mutex_);
  for (int turn = 0; !stop.stop_requested(); turn = (turn + 1) % turns_a_minute) {
    take_turn(*reader, turn == 0);
    stopped_.wait_for(lock, stop, turn_every, [] { return false; });
  }
}

void KeyKeeper::take_turn(Reader& reader, bool looks_at_age) {
  try {
    desk_.keyring.refresh(reader);
    if (looks_at_age) rotate_by_age(reader);
    has_failed_ = false;
  } catch (const std::runtime_error& fault) {
    if (!has_failed_) log::error("the issuer keys cannot be kept; it is tried again", {{"error", fault.what()}});
    has_failed_ = true;
  }
}

void KeyKeeper::rotate_by_age(Reader& reader) {
  const auto keys = reader.signing_keys();
  const Instant now = desk_.clock.now();
  for (const SigningKey& key : keys) {
    if (key.state == SigningKeyState::gone || key.state == SigningKeyState::revoked) desk_.folder.erase(key.kid);
  }
  if (desk_.keyring.current().signer() == nullptr) {
    log::error("no token can be issued here: the active key's private file is missing",
               {{"kid", desk_.keyring.current().active_kid}});
  }
  const bool has_over = std::ranges::any_of(keys, [&](const SigningKey& key) { return is_over(key, now); });
  if (!has_over && step_by_age(keys, now, period_) == RotationStep::none) return;
  const KeyChange change = desk_.prepare("system");
  const auto outcome = transact(desk_.store, TenantId::platform(),
                                [&](Tx& tx) { return rotate_signing_key_by_age(tx, change, period_); });
  desk_.conclude(change, outcome);
  if (outcome && outcome->step == RotationStep::publish)
    log::info("a next issuer key is published", {{"kid", outcome->kid}});
  if (outcome && outcome->step == RotationStep::activate)
    log::info("another issuer key signs", {{"kid", outcome->kid}});
}

}  // namespace cadastre
