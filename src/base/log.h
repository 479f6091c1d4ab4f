// Structured log lines on standard error, as text for people or JSON for machines. Never a secret: callers pass ids,
// never credentials or bodies.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

namespace cadastre::log {

enum class Format { text, json };
enum class Level { debug, info, warning, error, critical };

struct Field {
  std::string_view name;
  std::variant<std::string_view, std::int64_t> value;
  Field(std::string_view label, std::string_view text) : name(label), value(text) {}
  Field(std::string_view label, const std::string& text) : name(label), value(std::string_view(text)) {}
  Field(std::string_view label, const char* text) : name(label), value(std::string_view(text)) {}
  Field(std::string_view label, std::int64_t number) : name(label), value(number) {}
};

/// Sets the form of all lines and the least level written; call it once, before threads start.
void configure(Format format, Level least);
bool writes(Level level);
/// Writes one line at once. Safe from several threads.
void write(Level level, std::string_view message, std::initializer_list<Field> fields = {});

/// Appends one line, as `write` would write it, to a buffer that the caller hands to `write_lines` later: for the
/// request log, whose lines are too many to write one by one.
void append_line(std::string& buffer, Level level, std::string_view message, std::initializer_list<Field> fields);
void write_lines(std::string_view lines);

inline void info(std::string_view message, std::initializer_list<Field> fields = {}) {
  write(Level::info, message, fields);
}
inline void warn(std::string_view message, std::initializer_list<Field> fields = {}) {
  write(Level::warning, message, fields);
}
inline void error(std::string_view message, std::initializer_list<Field> fields = {}) {
  write(Level::error, message, fields);
}

}  // namespace cadastre::log
