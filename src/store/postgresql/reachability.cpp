#include "store/postgresql/reachability.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/random.h"

namespace cadastre::postgresql {
namespace {

constexpr std::chrono::milliseconds first_pause{50};
constexpr std::chrono::milliseconds longest_pause{2'000};
constexpr std::chrono::milliseconds pause_after_silence{500};  // the try itself takes long
constexpr std::chrono::milliseconds one_try{5'000};            // longer than a connection waits for an answer

/// Half of it at least, and otherwise by chance, so that many processes do not come back in one moment.
std::chrono::milliseconds jittered(std::chrono::milliseconds pause) {
  Bytes<4> chance{};
  SystemRandom().fill(chance);
  const unsigned share = chance[0] | static_cast<unsigned>(chance[1]) << 8;
  return pause / 2 + pause * share / (2 * 65'536);
}

}  // namespace

std::optional<std::string> Reachability::refusal(Asker asker) {
  const std::lock_guard lock(mutex_);
  if (pause_ == pause_.zero()) return std::nullopt;
  if (is_given_up(asker) || clock_.tick() < next_try_) return reason_;
  next_try_ = clock_.tick() + one_try;
  return std::nullopt;
}

void Reachability::note_success() {
  const std::lock_guard lock(mutex_);
  pause_ = {};
  is_silent_ = false;
}

void Reachability::note_failure(const std::string& reason) {
  const std::lock_guard lock(mutex_);
  is_silent_ = false;
  put_off(reason, std::clamp(2 * pause_, first_pause, longest_pause));
}

void Reachability::note_silence(Asker asker, const std::string& reason) {
  if (asker == Asker::anyone && is_watched_) return;
  const std::lock_guard lock(mutex_);
  is_silent_ = true;
  put_off(reason, pause_after_silence);
}

void Reachability::put_off(const std::string& reason, std::chrono::milliseconds pause) {
  pause_ = pause;
  next_try_ = clock_.tick() + jittered(pause);
  reason_ = reason;
}

}  // namespace cadastre::postgresql
