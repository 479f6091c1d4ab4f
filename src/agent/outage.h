// Trouble that lasts, told once.
#pragma once

#include <string>

#include "base/log.h"

namespace cadastre {

/// Logs when something stops working, or begins to fail for another reason, and when it works again; nothing between.
/// For one thread.
class Outage {
 public:
  /// `what` is a sentence about it, such as "the control plane cannot be asked".
  explicit Outage(std::string what) : what_(std::move(what)) {}
  void begin(const std::string& reason) {
    if (reason == reason_) return;
    reason_ = reason;
    log::warn(what_ + "; it is tried again and again", {{"reason", reason}});
  }
  void end() {
    if (reason_.empty()) return;
    reason_.clear();
    log::info(what_ + ": it can again");
  }

 private:
  const std::string what_;
  std::string reason_;  ///< Empty: it works.
};

}  // namespace cadastre
