// JSON (RFC 8259), strict: one reader for tokens, bodies and ledger leaves, and one writer that appends to a buffer.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cadastre::json {

enum class Kind { null, boolean, number, string, array, object };

struct Member;

/// One parsed value. A number keeps its literal, so that `1e3` and `1000` can be told apart.
struct Value {
  Kind kind = Kind::null;
  bool boolean = false;
  std::string text;             ///< A string's characters after unescaping, or a number's literal.
  std::vector<Value> elements;  ///< An array's.
  std::vector<Member> members;  ///< An object's, in the order received; names are unique.

  /// The member of that name, or nothing.
  const Value* find(std::string_view name) const;
  /// A number written as a plain integer (`-?[0-9]+`, RFC 8259 grammar) that fits 64 bits; nothing otherwise.
  std::optional<std::int64_t> integer() const;
};

struct Member {
  std::string name;
  Value value;
};

enum class Fault {
  syntax,            ///< Not JSON, not UTF-8, a BOM, trailing bytes, or deeper than allowed.
  duplicate_member,  ///< Two members of one object with the same name after unescaping.
};

struct Outcome {
  std::optional<Value> value;
  Fault fault = Fault::syntax;  ///< Says why when there is no value.
  std::size_t offset = 0;       ///< Where it went wrong, in bytes.
};

/// Reads exactly one value. Refuses invalid UTF-8, lone surrogates, control characters in strings, duplicate members
/// at any level and nesting deeper than `depth_max` (an object within an object is depth 2).
Outcome parse(std::string_view text, int depth_max);

/// Appends `text` as a JSON string with its quotes, escaped the one way RFC 8785 section 3.2.2.2 allows.
/// Requires valid UTF-8, which `parse` has checked of everything from outside.
void append_string(std::string& out, std::string_view text);
void append_integer(std::string& out, std::int64_t number);

/// Appends one object or array to `out`, commas included: `Object(out).field("a", 1).field("b", "x").end()`.
class Object {
 public:
  explicit Object(std::string& out) : out_(out) { out_ += '{'; }
  Object& field(std::string_view name, std::string_view text);
  Object& field(std::string_view name, const char* text) { return field(name, std::string_view(text)); }
  /// Any integer but one that might not fit std::int64_t; cast it where you know that it does.
  template <std::integral Integer>
    requires(std::signed_integral<Integer> || sizeof(Integer) < sizeof(std::int64_t))
  Object& field(std::string_view name, Integer number) {
    append_integer(key(name), static_cast<std::int64_t>(number));
    return *this;
  }
  Object& field(std::string_view name, bool value);
  Object& null(std::string_view name);
  /// The text; null when it is empty.
  Object& field_or_null(std::string_view name, std::string_view text);
  /// Writes the name; the caller appends the value to the same buffer.
  std::string& key(std::string_view name);
  void end() { out_ += '}'; }

 private:
  std::string& out_;
  bool first_ = true;
};

/// RFC 8785 canonical form of a value whose numbers are all plain integers of at most 2^53 - 1 either side of zero;
/// nothing when one is not.
std::optional<std::string> canonical(const Value& value);

}  // namespace cadastre::json
