#include "service/issuer_keyring.h"

#include "domain/key_rotation.h"

namespace cadastre {
namespace {

constexpr std::chrono::milliseconds stranger_pause{200};

IssuerKeyState state_of(SigningKeyState state) {
  switch (state) {
    case SigningKeyState::next: return IssuerKeyState::next;
    case SigningKeyState::active: return IssuerKeyState::active;
    case SigningKeyState::retired: return IssuerKeyState::retired;
    case SigningKeyState::revoked:
    case SigningKeyState::gone: break;
  }
  return IssuerKeyState::revoked;
}

std::string kid_or_none(const SigningKey* key) { return key == nullptr ? std::string() : key->kid; }

bool are_equal(const IssuerKeyView& a, const IssuerKeyView& b) {
  return a.keys == b.keys && a.private_keys == b.private_keys;
}

}  // namespace

const PrivateKey* IssuerKeyView::private_key(std::string_view kid) const {
  const auto found = private_keys.find(kid);
  return found == private_keys.end() ? nullptr : found->second.get();
}

IssuerKeyring::IssuerKeyring(PrivateKeyPlace& place, const Clock& clock, const std::vector<SigningKey>& keys)
    : place_(place), clock_(clock), read_at_(clock.tick()) {
  take(keys);
}

void IssuerKeyring::refresh(Reader& reader) {
  const std::scoped_lock lock(mutex_);  // over the reading too: an older answer must not replace a newer one
  read(reader);
}

bool IssuerKeyring::refresh_for_stranger(Reader& reader) {
  if (age() < stranger_pause) return false;
  const std::scoped_lock lock(mutex_);
  if (age() >= stranger_pause) read(reader);  // else another thread has done so meanwhile
  return true;
}

void IssuerKeyring::read(Reader& reader) {
  const Tick asked_at = clock_.tick();
  take(reader.signing_keys());
  read_at_.store(asked_at, std::memory_order_relaxed);
}

void IssuerKeyring::take(const std::vector<SigningKey>& keys) {
  IssuerKeyView fresh = view_of(keys);
  if (!views_.empty() && are_equal(fresh, views_.back())) return;
  views_.push_back(std::move(fresh));
  current_.store(&views_.back(), std::memory_order_release);
}

IssuerKeyView IssuerKeyring::view_of(const std::vector<SigningKey>& keys) {
  IssuerKeyView view{.keys = {},
                     .active_kid = kid_or_none(find_key(keys, SigningKeyState::active)),
                     .next_kid = kid_or_none(find_key(keys, SigningKeyState::next))};
  for (const SigningKey& key : keys) {
    if (key.state == SigningKeyState::gone) continue;
    view.keys.put(key.key, state_of(key.state));
    if (key.state == SigningKeyState::revoked) continue;
    if (auto here = find_private_key(key.kid)) view.private_keys.emplace(key.kid, std::move(here));
  }
  return view;
}

std::shared_ptr<const PrivateKey> IssuerKeyring::find_private_key(const std::string& kid) {
  if (!views_.empty()) {
    const auto found = views_.back().private_keys.find(kid);
    if (found != views_.back().private_keys.end()) return found->second;
  }
  return place_.find(kid);
}

}  // namespace cadastre
