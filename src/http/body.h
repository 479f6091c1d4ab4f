// Request bodies: one JSON object whose members are taken one by one; what is left over is refused.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "http/message.h"

namespace cadastre::http {

/// The body's media type without parameters, in lower case (RFC 9110 section 8.3.1); empty when none is given.
std::string media_type(const Request& request);

/// Takes members out of a JSON object. Wrong types and missing members are collected, so that one answer names them
/// all; `finish` refuses if there were any, or if the object holds a member nobody asked for.
class Body {
 public:
  /// Refuses another media type than `application/json` (415), what is not one JSON object, and duplicate members.
  static Result<Body> parse(const Request& request);

  /// A required string; empty, and an error kept, when it is missing or of another type.
  std::string text(std::string_view name);
  std::optional<std::string> optional_text(std::string_view name);
  /// A required integer. One beyond 64 bits comes out as the nearest that fits, for the range check to refuse.
  std::int64_t integer(std::string_view name);
  std::optional<std::int64_t> optional_integer(std::string_view name);
  /// Absent, null or an integer.
  std::optional<std::optional<std::int64_t>> nullable_integer(std::string_view name);
  /// As `integer`, of a value that was taken already; `name` is its pointer without the first slash.
  std::int64_t integer_of(std::string_view name, const json::Value& value);
  bool flag(std::string_view name, bool otherwise) { return optional_flag(name).value_or(otherwise); }
  std::optional<bool> optional_flag(std::string_view name);
  /// The member as it is, or nothing.
  const json::Value* raw(std::string_view name);
  /// Keeps an error of the caller's own finding.
  void wrong(std::string pointer, std::string detail) { errors_.push_back({std::move(pointer), std::move(detail)}); }
  Result<void> finish();

 private:
  explicit Body(json::Value object) : object_(std::move(object)) {}
  const json::Value* take(std::string_view name);

  json::Value object_;
  std::vector<std::string> taken_;
  std::vector<FieldError> errors_;
};

}  // namespace cadastre::http
