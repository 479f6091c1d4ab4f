#include "service/known_revocations.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <ranges>

namespace cadastre {
namespace {

/// Ids are digests: any 8 bytes of one tell it from another. Who makes up ids that resemble each other only makes his
/// own namespace's tokens be asked for.
std::uint64_t mark_of(const Bytes<32>& id) {
  std::uint64_t mark = 0;
  std::memcpy(&mark, id.data(), sizeof mark);
  return mark;
}

/// From the back, so that what lies between two of the new ones moves once. Both are ascending.
void merge_into(std::vector<std::uint64_t>& marks, const std::vector<std::uint64_t>& fresh) {
  auto last = static_cast<std::ptrdiff_t>(marks.size());
  marks.resize(marks.size() + fresh.size());
  auto end = marks.end();
  for (const std::uint64_t mark : std::views::reverse(fresh)) {
    const auto above = std::upper_bound(marks.begin(), marks.begin() + last, mark);
    end = std::move_backward(above, marks.begin() + last, end);
    *--end = mark;
    last = above - marks.begin();
  }
}

}  // namespace

bool KnownRevocations::rule_out(const TenantId& tenant, std::int64_t recorded,
                                std::initializer_list<std::span<const Bytes<32>>> ids, Reader& reader) {
  if (recorded == 0) return true;
  if (known_.load(std::memory_order_acquire) < recorded && !learn(tenant, recorded, reader)) return false;
  const std::scoped_lock lock(mutex_);
  if (known_.load(std::memory_order_relaxed) < recorded) return false;  // it was forgotten meanwhile
  const auto is_known = [&](const Bytes<32>& id) { return std::ranges::binary_search(marks_, mark_of(id)); };
  return std::ranges::none_of(ids, [&](const auto& some) { return std::ranges::any_of(some, is_known); });
}

bool KnownRevocations::learn(const TenantId& tenant, std::int64_t recorded, Reader& reader) {
  if (recorded > revocations_max) {
    forget();
    return false;
  }
  if (!room_->has(learned_at_once)) return false;
  const std::int64_t before = known_.load(std::memory_order_acquire);
  const auto ids = reader.revoked_after(tenant, before, learned_at_once);
  std::vector<std::uint64_t> fresh;
  std::ranges::transform(ids, std::back_inserter(fresh), mark_of);
  std::ranges::sort(fresh);
  const std::scoped_lock lock(mutex_);
  const std::int64_t now = known_.load(std::memory_order_relaxed);
  // Another thread may have learned the same meanwhile, or more; or forgotten all that these follow.
  const std::int64_t after = before + std::ssize(ids);
  if (now < before) return false;
  if (now < after) {
    room_->take(std::ssize(fresh));
    merge_into(marks_, fresh);
    known_.store(after, std::memory_order_release);
  }
  return std::max(now, after) >= recorded;
}

void KnownRevocations::forget() {
  const std::scoped_lock lock(mutex_);
  room_->give_back(std::ssize(marks_));
  std::vector<std::uint64_t>().swap(marks_);
  known_.store(0, std::memory_order_release);
}

}  // namespace cadastre
