#include "base/json.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <system_error>
#include <utility>

namespace cadastre::json {
namespace {

constexpr std::int64_t safe_integer_max =
    9'007'199'254'740'991;  // 2^53 - 1, the last that a double holds exactly (RFC 7493 section 2.2)

bool is_digit(char c) { return '0' <= c && c <= '9'; }

/// The bytes that stand for themselves inside a string and are ASCII.
constexpr std::array<bool, 256> plain_table() {
  std::array<bool, 256> plain{};
  for (std::size_t c = 0x20; c < 0x80; ++c) plain[c] = c != '"' && c != '\\';
  return plain;
}
constexpr auto plain = plain_table();
bool is_plain(char c) { return plain[static_cast<unsigned char>(c)]; }

/// How many bytes the well-formed UTF-8 sequence (RFC 3629 section 4) of a non-ASCII character takes; 0 if it is
/// ill-formed.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const auto tail = [&](std::size_t i) { return (byte(i) & 0xC0U) == 0x80U; };
  const unsigned lead = byte(0);
  if (lead >= 0xC2 && lead <= 0xDF) return tail(1) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    const bool overlong = lead == 0xE0 && byte(1) < 0xA0;
    const bool surrogate = lead == 0xED && byte(1) > 0x9F;
    return tail(1) && tail(2) && !overlong && !surrogate ? 3 : 0;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    const bool overlong = lead == 0xF0 && byte(1) < 0x90;
    const bool too_large = lead == 0xF4 && byte(1) > 0x8F;
    return tail(1) && tail(2) && tail(3) && !overlong && !too_large ? 4 : 0;
  }
  return 0;
}

void append_utf8(std::string& out, std::uint32_t point) {
  const auto tail = [&](unsigned shift) { out += static_cast<char>(0x80U | ((point >> shift) & 0x3FU)); };
  if (point < 0x80) {
    out += static_cast<char>(point);
  } else if (point < 0x800) {
    out += static_cast<char>(0xC0U | (point >> 6U));
    tail(0);
  } else if (point < 0x10000) {
    out += static_cast<char>(0xE0U | (point >> 12U));
    tail(6), tail(0);
  } else {
    out += static_cast<char>(0xF0U | (point >> 18U));
    tail(12), tail(6), tail(0);
  }
}

/// The order of RFC 8785 section 3.2.3: by UTF-16 code units. It differs from byte order only where U+E000..U+FFFF
/// meets a character above U+FFFF, whose surrogates are smaller.
bool utf16_less(std::string_view a, std::string_view b) {
  const auto [left, right] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  if (left == a.end() || right == b.end()) return right != b.end();
  const auto x = static_cast<unsigned char>(*left);
  const auto y = static_cast<unsigned char>(*right);
  if (x >= 0xEE && y >= 0xEE && (x >= 0xF0) != (y >= 0xF0)) return x >= 0xF0;
  return x < y;
}

constexpr std::size_t members_usual = 8;  // of an object: fewer cost little room, more have to move

class Reader {
 public:
  Reader(std::string_view text, int depth_max) : text_(text), depth_left_(depth_max) {}

  Outcome document() {
    Outcome outcome;
    Value root;
    skip_space();
    const bool good = value(root);
    if (good) skip_space();
    if (good && at_ == text_.size()) {
      outcome.value = std::move(root);
    } else {
      outcome.fault = fault_;
      outcome.offset = at_;
    }
    return outcome;
  }

 private:
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool take(char expected) {
    if (at_ >= text_.size() || text_[at_] != expected) return false;
    ++at_;
    return true;
  }
  bool take_word(std::string_view word) {
    if (!text_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }
  void skip_space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\r' || text_[at_] == '\t'))
      ++at_;
  }
  std::size_t skip_digits() {
    const std::size_t start = at_;
    while (is_digit(peek())) ++at_;
    return at_ - start;
  }

  bool value(Value& out) {
    switch (peek()) {
      case '{': return nested(out, &Reader::object);
      case '[': return nested(out, &Reader::array);
      case '"': out.kind = Kind::string; return string(out.text);
      case 't': return literal(out, Kind::boolean, "true");
      case 'f': return literal(out, Kind::boolean, "false");
      case 'n': return literal(out, Kind::null, "null");
      default: return number(out);
    }
  }

  bool literal(Value& out, Kind kind, std::string_view word) {
    out.kind = kind;
    out.boolean = word == "true";
    return take_word(word);
  }

  bool number(Value& out) {
    out.kind = Kind::number;
    const std::size_t start = at_;
    take('-');
    if (!take('0') && skip_digits() == 0) return false;
    if (take('.') && skip_digits() == 0) return false;
    if (take('e') || take('E')) {
      if (!take('+')) take('-');
      if (skip_digits() == 0) return false;
    }
    out.text.assign(text_.substr(start, at_ - start));
    return true;
  }

  bool nested(Value& out, bool (Reader::*inside)(Value&)) {
    if (depth_left_ <= 0) return false;
    --depth_left_;
    ++at_;
    const bool good = (this->*inside)(out);
    ++depth_left_;
    return good;
  }

  bool array(Value& out) {
    out.kind = Kind::array;
    skip_space();
    if (take(']')) return true;
    do {
      skip_space();
      if (!value(out.elements.emplace_back())) return false;
      skip_space();
    } while (take(','));
    return take(']');
  }

  bool object(Value& out) {
    out.kind = Kind::object;
    skip_space();
    if (take('}')) return true;
    out.members.reserve(members_usual);
    do {
      skip_space();
      auto& [name, member] = out.members.emplace_back();
      if (!string(name)) return false;
      skip_space();
      if (!take(':')) return false;
      skip_space();
      if (!value(member)) return false;
      skip_space();
    } while (take(','));
    return take('}') && names_differ(out);
  }

  bool names_differ(const Value& object) {
    std::vector<std::string_view> names;
    names.reserve(object.members.size());
    for (const auto& [name, member] : object.members) names.emplace_back(name);
    std::ranges::sort(names);
    if (std::ranges::adjacent_find(names) == names.end()) return true;
    fault_ = Fault::duplicate_member;
    return false;
  }

  bool string(std::string& out) {
    if (!take('"')) return false;
    for (;;) {
      const std::size_t start = at_;
      while (at_ < text_.size() && is_plain(text_[at_])) ++at_;
      out.append(text_, start, at_ - start);
      if (at_ == text_.size()) return false;
      if (take('"')) return true;
      if (take('\\') ? !escape(out) : !character(out)) return false;
    }
  }

  /// A character above ASCII; control characters have no other way in and end here too.
  bool character(std::string& out) {
    const std::size_t length = utf8_length(text_.substr(at_));
    out.append(text_, at_, length);
    at_ += length;
    return length > 0;
  }

  bool escape(std::string& out) {
    constexpr std::string_view letters = "\"\\/bfnrt";
    constexpr std::string_view meanings = "\"\\/\b\f\n\r\t";
    if (take('u')) return unicode_escape(out);
    if (at_ == text_.size()) return false;
    const std::size_t which = letters.find(text_[at_]);
    if (which == std::string_view::npos) return false;
    out += meanings[which];
    ++at_;
    return true;
  }

  bool unicode_escape(std::string& out) {
    std::uint32_t point = 0;
    if (!code_unit(point) || (point >= 0xDC00 && point <= 0xDFFF)) return false;
    if (point >= 0xD800 && point <= 0xDBFF) {
      std::uint32_t low = 0;
      if (!take_word("\\u") || !code_unit(low) || low < 0xDC00 || low > 0xDFFF) return false;
      point = 0x10000 + ((point - 0xD800) << 10U) + (low - 0xDC00);
    }
    append_utf8(out, point);
    return true;
  }

  bool code_unit(std::uint32_t& out) {
    if (text_.size() - at_ < 4) return false;
    const char* const start = text_.data() + at_;
    const auto [end, error] = std::from_chars(start, start + 4, out, 16);
    if (error != std::errc{} || end != start + 4) return false;
    at_ += 4;
    return true;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  int depth_left_;
  Fault fault_ = Fault::syntax;
};

bool append_canonical(std::string& out, const Value& value);

bool append_array(std::string& out, const Value& array) {
  out += '[';
  for (const Value& element : array.elements) {
    if (&element != &array.elements.front()) out += ',';
    if (!append_canonical(out, element)) return false;
  }
  out += ']';
  return true;
}

bool append_object(std::string& out, const Value& object) {
  std::vector<const Member*> sorted;
  sorted.reserve(object.members.size());
  for (const Member& member : object.members) sorted.push_back(&member);
  std::ranges::sort(sorted, [](const Member* a, const Member* b) { return utf16_less(a->name, b->name); });
  Object written(out);
  for (const Member* member : sorted) {
    if (!append_canonical(written.key(member->name), member->value)) return false;
  }
  written.end();
  return true;
}

bool append_number(std::string& out, const Value& number) {
  const auto integer = number.integer();
  if (!integer || *integer > safe_integer_max || *integer < -safe_integer_max) return false;
  append_integer(out, *integer);
  return true;
}

bool append_canonical(std::string& out, const Value& value) {
  switch (value.kind) {
    case Kind::null: out += "null"; return true;
    case Kind::boolean: out += value.boolean ? "true" : "false"; return true;
    case Kind::number: return append_number(out, value);
    case Kind::string: append_string(out, value.text); return true;
    case Kind::array: return append_array(out, value);
    case Kind::object: return append_object(out, value);
  }
  std::unreachable();
}

void append_escape(std::string& out, char c) {
  switch (c) {
    case '"': out += "\\\""; return;
    case '\\': out += "\\\\"; return;
    case '\b': out += "\\b"; return;
    case '\t': out += "\\t"; return;
    case '\n': out += "\\n"; return;
    case '\f': out += "\\f"; return;
    case '\r': out += "\\r"; return;
    default: break;
  }
  constexpr std::string_view digits = "0123456789abcdef";
  out += "\\u00";
  out += digits[static_cast<unsigned char>(c) >> 4U];
  out += digits[static_cast<unsigned char>(c) & 15U];
}

}  // namespace

const Value* Value::find(std::string_view name) const {
  const auto found = std::ranges::find_if(members, [&](const Member& member) { return member.name == name; });
  return found == members.end() ? nullptr : &found->value;
}

std::optional<std::int64_t> Value::integer() const {
  if (kind != Kind::number) return std::nullopt;
  std::int64_t number = 0;
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, number);
  if (error != std::errc{} || end != last) return std::nullopt;
  return number;
}

Outcome parse(std::string_view text, int depth_max) { return Reader(text, depth_max).document(); }

void append_string(std::string& out, std::string_view text) {
  out += '"';
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t start = at;
    while (at < text.size() && (is_plain(text[at]) || static_cast<unsigned char>(text[at]) >= 0x80)) ++at;
    out.append(text, start, at - start);
    if (at < text.size()) append_escape(out, text[at++]);
  }
  out += '"';
}

void append_integer(std::string& out, std::int64_t number) {
  char digits[20];  // the longest is -9223372036854775808
  const auto [end, error] = std::to_chars(digits, digits + sizeof digits, number);
  out.append(digits, end);
}

std::string& Object::key(std::string_view name) {
  if (!first_) out_ += ',';
  first_ = false;
  append_string(out_, name);
  out_ += ':';
  return out_;
}

Object& Object::field(std::string_view name, std::string_view text) {
  append_string(key(name), text);
  return *this;
}

Object& Object::field(std::string_view name, bool value) {
  key(name) += value ? "true" : "false";
  return *this;
}

Object& Object::null(std::string_view name) {
  key(name) += "null";
  return *this;
}

Object& Object::field_or_null(std::string_view name, std::string_view text) {
  return text.empty() ? null(name) : field(name, text);
}

std::optional<std::string> canonical(const Value& value) {
  std::string out;
  if (!append_canonical(out, value)) return std::nullopt;
  return out;
}

}  // namespace cadastre::json
