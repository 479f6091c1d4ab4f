// Request bodies from options: members that were given, and no others.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"

namespace cadastre {

/// A JSON object of those members that have a value.
class Body {
 public:
  Body() : object_(text_) {}
  Body(const Body&) = delete;
  Body& operator=(const Body&) = delete;

  Body& add(std::string_view name, const std::string& text) {
    if (!text.empty()) object_.field(name, text);
    return *this;
  }
  Body& add(std::string_view name, std::optional<std::int64_t> number) {
    if (number) object_.field(name, *number);
    return *this;
  }
  Body& flag(std::string_view name, bool value) {
    if (value) object_.field(name, true);
    return *this;
  }
  /// The value's JSON text; empty: not given.
  Body& raw(std::string_view name, std::string_view json) {
    if (!json.empty()) object_.key(name) += json;
    return *this;
  }
  /// The whole; ends it.
  std::string text() {
    object_.end();
    return text_;
  }

 private:
  std::string text_;
  json::Object object_;
};

}  // namespace cadastre
