// The head of an HTTP request (RFC 9112 sections 2, 3, 5 and 6), read once, strictly, from its bytes alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace cadastre::http {

constexpr std::size_t head_fields_max = 100;         // far above any client, low enough to search one by one
constexpr std::size_t head_bytes_possible = 65'535;  // positions within a head are 16 bits

/// How the message goes on after its head, and what becomes of the connection (RFC 9112 sections 6 and 9).
struct Framing {
  bool http_1_0 = false;
  bool keep_alive = true;
  bool expects_continue = false;  ///< The sender waits for `100 Continue` before its body (RFC 9110 section 10.1.1).
  bool chunked = false;
  std::uint64_t content_length = 0;  ///< 0 when absent; the largest number when it passes 10^18.
};

/// A request line and its fields. Owns its bytes; the views it hands out live as long as it does and stay where they
/// are when it is moved.
class Head {
 public:
  /// Case-sensitive, as received.
  std::string_view method() const { return view(method_); }
  /// As received: the path and the query, `%` escapes included; or `*`.
  std::string_view target() const { return view(target_); }
  /// The target up to `?`, undecoded. Has no empty, `.` or `..` segment and no escape that stands for `/`, `\` or `.`.
  std::string_view path() const { return target().substr(0, path_size_); }
  /// The target after `?`, undecoded; empty when there is none. `decode_query` reads it.
  std::string_view query() const;
  /// The first value of the field of that lower-case name, without white space around it.
  std::optional<std::string_view> header(std::string_view lower_case_name) const;
  /// The values of all fields of that lower-case name, in order.
  std::vector<std::string_view> headers(std::string_view lower_case_name) const;
  /// How many fields of that lower-case name were received.
  std::size_t count(std::string_view lower_case_name) const;
  bool is_head_request() const { return method() == "HEAD"; }
  const Framing& framing() const { return framing_; }

 private:
  friend class HeadReader;
  struct Span {
    std::uint16_t at = 0;
    std::uint16_t size = 0;
  };
  struct Field {
    Span name;
    Span value;
  };
  std::string_view view(Span span) const { return std::string_view(bytes_).substr(span.at, span.size); }

  std::string bytes_;
  Span method_, target_;
  std::uint16_t path_size_ = 0;
  std::vector<Field> fields_;
  Framing framing_;
};

/// Where the first head of `bytes` ends: the position after its empty line, or nothing when that has not come yet.
/// A line feed alone also ends a line here, so that `parse_head` can refuse it at once. Starts at `from`, a position
/// that earlier calls have searched up to.
std::optional<std::size_t> find_head_end(std::string_view bytes, std::size_t from);

/// Reads one head, its empty line included. Refuses whatever two readers could take differently (RFC 9112
/// section 11.2):
/// - a line end other than CRLF, a folded line, white space before a colon, a control character;
/// - a target that is not a plain absolute path, `*` for OPTIONS excepted (no scheme, no `//`, no dot segment, ...);
/// - no Host, two of them, or one that no URI could hold;
/// - a Content-Length that is repeated, a list, signed, or beside a Transfer-Encoding;
/// - chunked under HTTP/1.0; any other transfer coding is `not_implemented`.
/// Another version than 1.0 and 1.1 is `http_version_unsupported`, more than 100 fields are `headers_too_large`.
/// The detail of a refusal never repeats what was sent.
Result<Head> parse_head(std::string_view bytes);

/// Whether the two are the same but for the case of ASCII letters.
bool equals_ignoring_case(std::string_view a, std::string_view b);

}  // namespace cadastre::http
