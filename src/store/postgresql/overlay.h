// What a transaction knows and has written but not sent, in two layers: what the unfinished body did, and before that.
#pragma once

#include <map>

namespace cadastre::postgresql {

/// Entries by key. A body writes into a layer of its own, which is laid over the group's when it is kept and thrown
/// away when it is dropped.
template <class Key, class Entry>
class Overlay {
 public:
  /// As the unfinished body sees it; null when nothing is known of the key.
  const Entry* find(const Key& key) const {
    if (const auto own = body_.find(key); own != body_.end()) return &own->second;
    const auto shared = group_.find(key);
    return shared == group_.end() ? nullptr : &shared->second;
  }
  /// Keeps what the database said of a key about which nothing is known.
  const Entry& learn(const Key& key, Entry entry) { return group_.emplace(key, std::move(entry)).first->second; }
  /// The body's own entry, to be changed: at first a copy of what it sees. Requires that something is known.
  Entry& edit(const Key& key) {
    if (const auto own = body_.find(key); own != body_.end()) return own->second;
    return body_.emplace(key, group_.at(key)).first->second;
  }
  Entry& put(const Key& key, Entry entry) { return body_.insert_or_assign(key, std::move(entry)).first->second; }

  /// Calls `settle(entry)` with each of the body's entries and lays them over the group's.
  template <class Settle>
  void keep(Settle settle) {
    while (!body_.empty()) {
      auto node = body_.extract(body_.begin());
      settle(node.mapped());
      if (const auto shared = group_.find(node.key()); shared != group_.end())
        shared->second = std::move(node.mapped());
      else
        group_.insert(std::move(node));
    }
  }
  void keep() {
    keep([](Entry&) {});
  }
  void drop() { body_.clear(); }
  bool body_is_empty() const { return body_.empty(); }
  void clear() { body_.clear(), group_.clear(); }

  /// In order of key: what is kept, and what the unfinished body has.
  std::map<Key, Entry>& group() { return group_; }
  std::map<Key, Entry>& body() { return body_; }

 private:
  std::map<Key, Entry> group_, body_;
};

}  // namespace cadastre::postgresql
