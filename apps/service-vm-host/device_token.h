// The token of the node's device, as it changes.
#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"

namespace cadastre {

/// A token's life, as it says itself; whether it holds is the control plane's to say.
struct TokenLife {
  Instant issued_at;
  Instant expires_at;
  Instant half_over() const { return issued_at + (expires_at - issued_at) / 2; }
};

/// Nothing on what is no token of one element.
std::optional<TokenLife> life_of(std::string_view token);

/// The token in its file of mode 0600. Safe to use from several threads.
class DeviceToken {
 public:
  /// Reads the file. Throws std::runtime_error when there is none, or nothing in it that is a token.
  explicit DeviceToken(std::string path);
  std::string text() const;
  /// Durable when it returns. Throws std::system_error.
  void replace(const std::string& token);

 private:
  const std::string path_;
  mutable std::mutex mutex_;
  std::string text_;
};

}  // namespace cadastre
