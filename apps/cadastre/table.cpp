#include "table.h"

#include <algorithm>
#include <cstddef>

namespace cadastre {
namespace {

constexpr std::string_view gap = "  ";

/// How many characters a terminal shows, one for each code point.
std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

void append_padded(std::string& out, std::string_view text, std::size_t width) {
  out += text;
  out.append(width - std::min(width, width_of(text)), ' ');
}

void append_row(std::string& out, const std::vector<std::string>& cells, const std::vector<std::size_t>& widths) {
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (i > 0) out += gap;
    append_padded(out, cells[i], i + 1 < cells.size() ? widths[i] : 0);
  }
  out += '\n';
}

const json::Value* member_of(const json::Value& record, std::string_view path) {
  const std::size_t dot = path.find('.');
  const json::Value* const value = record.find(path.substr(0, dot));
  return value == nullptr || dot == std::string_view::npos ? value : member_of(*value, path.substr(dot + 1));
}

void append_lines(std::vector<Line>& lines, const std::string& prefix, const json::Value& record) {
  for (const json::Member& member : record.members) {
    const std::string name = prefix + member.name;
    if (member.value.kind == json::Kind::object && !member.value.members.empty()) {
      append_lines(lines, name + ".", member.value);
    } else {
      lines.emplace_back(printable(name), cell_of(member.value));
    }
  }
}

template <class Parts, class Append>
void append_joined(std::string& out, const Parts& parts, Append&& append) {
  for (const auto& part : parts) {
    if (&part != parts.data()) out += ',';
    append(part);
  }
}

}  // namespace

std::string printable(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool is_c1 = byte == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0;
    if (is_c1) ++i;
    out += byte < 0x20 || byte == 0x7F || is_c1 ? '?' : text[i];
  }
  return out;
}

std::string cell_of(const json::Value& value) {
  std::string out;
  switch (value.kind) {
    case json::Kind::null: return "-";
    case json::Kind::boolean: return value.boolean ? "yes" : "no";
    case json::Kind::number:
    case json::Kind::string: out = printable(value.text); break;
    case json::Kind::array:
      append_joined(out, value.elements, [&](const json::Value& element) { out += cell_of(element); });
      break;
    case json::Kind::object:
      append_joined(out, value.members, [&](const json::Member& member) {
        ((out += printable(member.name)) += '=') += cell_of(member.value);
      });
      break;
  }
  return out.empty() ? "-" : out;
}

std::string table_of(const std::vector<json::Value>& records, const std::vector<Column>& columns) {
  std::vector<std::vector<std::string>> rows(1);
  for (const Column& column : columns) rows.front().emplace_back(column.heading);
  for (const json::Value& record : records) {
    std::vector<std::string>& row = rows.emplace_back();
    for (const Column& column : columns) {
      const json::Value* const value = member_of(record, column.member);
      row.push_back(value != nullptr ? cell_of(*value) : "-");
    }
  }
  std::vector<std::size_t> widths(columns.size());
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width_of(row[i]));
  }
  std::string out;
  for (const auto& row : rows) append_row(out, row, widths);
  return out;
}

std::string lines_of(const std::vector<Line>& lines) {
  std::size_t width = 0;
  for (const Line& line : lines) width = std::max(width, width_of(line.first));
  std::string out;
  for (const Line& line : lines) append_row(out, {line.first, line.second}, {width, 0});
  return out;
}

std::string record_of(const json::Value& record) {
  std::vector<Line> lines;
  append_lines(lines, "", record);
  return lines_of(lines);
}

void append_json(std::string& out, const json::Value& value) {
  switch (value.kind) {
    case json::Kind::null: out += "null"; return;
    case json::Kind::boolean: out += value.boolean ? "true" : "false"; return;
    case json::Kind::number: out += value.text; return;
    case json::Kind::string: json::append_string(out, value.text); return;
    case json::Kind::array:
      out += '[';
      append_joined(out, value.elements, [&](const json::Value& element) { append_json(out, element); });
      out += ']';
      return;
    case json::Kind::object:
      out += '{';
      append_joined(out, value.members, [&](const json::Member& member) {
        json::append_string(out, member.name);
        append_json(out += ':', member.value);
      });
      out += '}';
      return;
  }
}

}  // namespace cadastre
