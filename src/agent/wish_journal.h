// Which wishes this agent has carried out, over its restarts.
#pragma once

#include <map>
#include <mutex>
#include <set>
#include <string>

#include "domain/vm.h"

namespace cadastre {

/// The guest itself says which generation it answers to. This says it of those that are not there: one whose wish could
/// not be carried out is not tried again, and one that vanished is not taken for one that is yet to be made.
class WishJournal {
 public:
  struct Entry {
    std::int64_t generation = 0;  ///< Of the last that was carried out, or tried in vain; 0: none yet.
    std::string failure;          ///< Why it could not be carried out; empty: it was.
    std::int64_t begun = 0;       ///< Of a start that has begun and not ended yet; 0: none.
    friend bool operator==(const Entry&, const Entry&) = default;
  };

  /// Reads the file, if it is there. An empty path keeps the journal in memory alone. Throws std::runtime_error naming
  /// a file that is damaged.
  explicit WishJournal(std::string path);

  Entry find(const VmId& vm) const;
  /// Durable when it returns. Throws std::system_error.
  void put(const VmId& vm, const Entry& entry);
  /// Forgets all others.
  void keep_only(const std::set<VmId>& vms);

 private:
  void save();

  const std::string path_;
  mutable std::mutex mutex_;
  std::map<VmId, Entry> entries_;
};

}  // namespace cadastre
