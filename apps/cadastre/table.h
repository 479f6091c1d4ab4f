// Records and lists as aligned text for people.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"

namespace cadastre {

/// Text from outside, fit for a terminal: control characters become `?`, so that nothing moves the cursor.
std::string printable(std::string_view text);

/// A value in one cell: text as it is, null as `-`, a list as its values, an object as `name=value`, joined by commas.
std::string cell_of(const json::Value& value);

/// A column: its heading and the member it shows, with dots for members of members: `usage.vms`.
struct Column {
  std::string_view heading;
  std::string_view member;
};

/// Every element of an array, one to a line, under headings. A member that is missing is `-`.
std::string table_of(const std::vector<json::Value>& records, const std::vector<Column>& columns);

using Line = std::pair<std::string, std::string>;
/// `name  value`, aligned, one to a line.
std::string lines_of(const std::vector<Line>& lines);
/// The members of an object in their order, those of its objects as `usage.vms`.
std::string record_of(const json::Value& record);

/// JSON text of a value with its members in their order and its numbers as they were written.
void append_json(std::string& out, const json::Value& value);

}  // namespace cadastre
