#include "base/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>

#include "base/json.h"
#include "base/time.h"

namespace cadastre::log {
namespace {

struct Shape {
  Format format = Format::text;
  Level least = Level::info;
};
Shape shape;

spdlog::logger& sink() {
  static const std::shared_ptr<spdlog::logger> logger = [] {
    auto made = std::make_shared<spdlog::logger>("cadastre", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("%v", spdlog::pattern_time_type::utc);
    made->set_level(spdlog::level::trace);
    return made;
  }();
  return *logger;
}

std::string_view name_of(Level level) {
  switch (level) {
    case Level::debug: return "debug";
    case Level::info: return "info";
    case Level::warning: return "warning";
    case Level::error: return "error";
    case Level::critical: return "critical";
  }
  std::unreachable();
}

void append_text_line(std::string& out, Level level, std::string_view message, std::initializer_list<Field> fields) {
  append_rfc3339(out, SystemClock().now());
  ((out += ' ') += name_of(level)) += ' ';
  out += message;
  for (const Field& field : fields) {
    ((out += ' ') += field.name) += '=';
    if (const auto* number = std::get_if<std::int64_t>(&field.value))
      json::append_integer(out, *number);
    else
      json::append_string(out, std::get<std::string_view>(field.value));
  }
}

void append_json_line(std::string& out, Level level, std::string_view message, std::initializer_list<Field> fields) {
  json::Object line(out);
  append_rfc3339(line.key("ts") += '"', SystemClock().now());
  out += '"';
  line.field("level", name_of(level)).field("message", message);
  for (const Field& field : fields) {
    if (const auto* number = std::get_if<std::int64_t>(&field.value))
      line.field(field.name, *number);
    else
      line.field(field.name, std::get<std::string_view>(field.value));
  }
  line.end();
}

void append(std::string& out, Level level, std::string_view message, std::initializer_list<Field> fields) {
  if (shape.format == Format::json)
    append_json_line(out, level, message, fields);
  else
    append_text_line(out, level, message, fields);
}

}  // namespace

void configure(Format format, Level least) { shape = {format, least}; }

bool writes(Level level) { return level >= shape.least; }

void write(Level level, std::string_view message, std::initializer_list<Field> fields) {
  if (!writes(level)) return;
  std::string line;
  append(line, level, message, fields);
  sink().info(line);
}

void append_line(std::string& buffer, Level level, std::string_view message, std::initializer_list<Field> fields) {
  append(buffer, level, message, fields);
  buffer += '\n';
}

void write_lines(std::string_view lines) {
  if (lines.ends_with('\n')) lines.remove_suffix(1);
  if (!lines.empty()) sink().info(lines);
}

}  // namespace cadastre::log
