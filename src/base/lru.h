// A bounded map that forgets what was not used for longest.
#pragma once

#include <cstddef>
#include <list>
#include <unordered_map>
#include <utility>

namespace cadastre {

/// Holds at most `capacity` entries. Not for several threads.
template <class Key, class Value, class Hash = std::hash<Key>>
class Lru {
 public:
  explicit Lru(std::size_t capacity) : capacity_(capacity) {}

  /// The entry's value, now the most recently used; null when it is not there. Valid until the next `put` or `erase`.
  Value* find(const Key& key) {
    const auto found = places_.find(key);
    if (found == places_.end()) return nullptr;
    if (found->second != entries_.begin()) entries_.splice(entries_.begin(), entries_, found->second);
    return &found->second->second;
  }

  /// Sets the entry, most recently used, and forgets the least recently used one when there are too many.
  Value& put(const Key& key, Value value) {
    if (Value* const known = find(key)) return *known = std::move(value);
    if (places_.size() >= capacity_) {
      places_.erase(entries_.back().first);
      entries_.pop_back();
    }
    entries_.emplace_front(key, std::move(value));
    places_.emplace(key, entries_.begin());
    return entries_.front().second;
  }

  void erase(const Key& key) {
    const auto found = places_.find(key);
    if (found == places_.end()) return;
    entries_.erase(found->second);
    places_.erase(found);
  }

  std::size_t size() const { return places_.size(); }

 private:
  std::size_t capacity_;
  std::list<std::pair<Key, Value>> entries_;  // most recently used first
  std::unordered_map<Key, typename std::list<std::pair<Key, Value>>::iterator, Hash> places_;
};

}  // namespace cadastre
