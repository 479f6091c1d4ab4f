#include "http/head.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "base/invariant.h"
#include "http/characters.h"

namespace cadastre::http {

namespace {

constexpr std::size_t method_bytes_max = 32;   // the longest registered method has 18
constexpr std::size_t length_digits_max = 18;  // fits 64 bits; more is too large for anybody

std::unexpected<Refusal> malformed(const char* subject, const char* detail) {
  return refuse(Code::malformed, subject, detail);
}

constexpr char lower(char c) { return 'A' <= c && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

std::string_view trimmed(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

/// Whether the comma-separated list (RFC 9110 section 5.6.1) holds the word.
bool list_has(std::string_view list, std::string_view word) {
  for (std::size_t at = 0; at <= list.size();) {
    const std::size_t comma = std::min(list.find(',', at), list.size());
    if (equals_ignoring_case(trimmed(list.substr(at, comma - at)), word)) return true;
    at = comma + 1;
  }
  return false;
}

/// A `%` escape of the path: two digits, and not a byte that changes what the path's segments are.
bool is_plain_escape(std::string_view text, std::size_t at) {
  const int byte = escaped_byte(text, at);
  return byte >= 0x20 && byte != 0x7f && byte != '/' && byte != '\\' && byte != '.';
}

Result<void> check_path(std::string_view path) {
  std::size_t segment = 1;  // where the segment being read starts
  for (std::size_t i = 1; i <= path.size(); ++i) {
    if (i < path.size() && path[i] != '/') {
      if (path[i] == '%' ? !is_plain_escape(path, i) : !path_characters.has(path[i])) {
        return malformed("target", "the path holds a character or an escape that is not allowed there");
      }
      continue;
    }
    const std::string_view name = path.substr(segment, i - segment);
    if (name == "." || name == ".." || (name.empty() && i < path.size())) {
      return malformed("target", "the path holds an empty or a dot segment");
    }
    segment = i + 1;
  }
  return {};
}

Result<void> check_query(std::string_view query) {
  for (std::size_t i = 0; i < query.size(); ++i) {
    const char c = query[i];
    if (c == '%' ? escaped_byte(query, i) < 0 : !path_characters.has(c) && c != '?') {
      return malformed("target", "the query holds a character or an escape that is not allowed there");
    }
  }
  return {};
}

/// RFC 3986 section 3.2.2 `host [":" port]`, an IP literal's inside taken as any of its characters.
bool is_host(std::string_view text) {
  static constexpr ByteSet name = [] {
    return ByteSet("-._~!$&'()*+,;=%").with_range('0', '9').with_range('a', 'z').with_range('A', 'Z');
  }();
  static constexpr ByteSet literal = ByteSet(":.").with_range('0', '9').with_range('a', 'f').with_range('A', 'F');
  std::size_t host_size = text.find(':');
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos || end == 1 || !literal.has_all(text.substr(1, end - 1))) return false;
    host_size = end + 1;
  } else if (!name.has_all(text.substr(0, host_size)) || host_size == 0) {
    return false;
  }
  if (host_size >= text.size()) return !text.empty();
  return text[host_size] == ':' && digits.has_all(text.substr(host_size + 1));
}

Result<std::uint64_t> read_content_length(std::string_view text) {
  if (text.empty() || !digits.has_all(text)) return malformed("content_length", "must be one number in digits");
  text.remove_prefix(std::min(text.find_first_not_of('0'), text.size() - 1));
  if (text.size() > length_digits_max) return std::numeric_limits<std::uint64_t>::max();
  std::uint64_t length = 0;
  for (const char c : text) length = length * 10 + static_cast<std::uint64_t>(c - '0');
  return length;
}

}  // namespace

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view Head::query() const {
  return path_size_ < target_.size ? target().substr(path_size_ + std::size_t{1}) : std::string_view();
}

std::optional<std::string_view> Head::header(std::string_view lower_case_name) const {
  for (const Field& field : fields_) {
    if (view(field.name) == lower_case_name) return view(field.value);
  }
  return std::nullopt;
}

std::vector<std::string_view> Head::headers(std::string_view lower_case_name) const {
  std::vector<std::string_view> values;
  for (const Field& field : fields_) {
    if (view(field.name) == lower_case_name) values.push_back(view(field.value));
  }
  return values;
}

std::size_t Head::count(std::string_view lower_case_name) const {
  return static_cast<std::size_t>(
      std::ranges::count_if(fields_, [&](const Field& field) { return view(field.name) == lower_case_name; }));
}

std::optional<std::size_t> find_head_end(std::string_view bytes, std::size_t from) {
  // The empty line is seen from the line feed before it, at most two bytes back.
  for (std::size_t at = from < 2 ? 0 : from - 2;; ++at) {
    at = bytes.find('\n', at);
    if (at == std::string_view::npos) return std::nullopt;
    const std::string_view next = bytes.substr(at + 1, 2);
    if (next.starts_with('\n')) return at + 2;
    if (next == "\r\n") return at + 3;
  }
}

/// Fills a Head line by line.
class HeadReader {
 public:
  explicit HeadReader(std::string_view bytes) {
    CHECK_INVARIANT(bytes.size() <= head_bytes_possible);
    head_.bytes_ = bytes;
    head_.fields_.reserve(16);
  }

  Result<Head> read() {
    const std::string_view request_line = TRY(next_line());
    TRY(read_request_line(request_line));
    for (;;) {
      const std::string_view line = TRY(next_line());
      if (line.empty()) break;
      TRY(read_field(line));
    }
    if (at_ != head_.bytes_.size()) return malformed("head", "goes on after its empty line");
    TRY(check_host());
    TRY(read_framing());
    return std::move(head_);
  }

 private:
  Head::Span span(std::string_view part) const {
    return {static_cast<std::uint16_t>(part.data() - head_.bytes_.data()), static_cast<std::uint16_t>(part.size())};
  }

  Result<std::string_view> next_line() {
    const std::string_view rest = std::string_view(head_.bytes_).substr(at_);
    const std::size_t end = rest.find('\n');
    if (end == std::string_view::npos) return malformed("head", "ends before its empty line");
    if (end == 0 || rest[end - 1] != '\r') return malformed("head", "lines must end with CR LF");
    at_ += end + 1;
    return rest.substr(0, end - 1);
  }

  Result<void> read_request_line(std::string_view line) {
    const std::size_t first = line.find(' ');
    const std::size_t second = first == std::string_view::npos ? first : line.find(' ', first + 1);
    if (second == std::string_view::npos) return malformed("request_line", "must be a method, a target and a version");
    const std::string_view method = line.substr(0, first);
    const std::string_view target = line.substr(first + 1, second - first - 1);
    if (method.empty() || method.size() > method_bytes_max || !token_characters.has_all(method)) {
      return malformed("method", "must be a token of at most 32 characters");
    }
    TRY(read_version(line.substr(second + 1)));
    head_.method_ = span(method);
    head_.target_ = span(target);
    return read_target(method, target);
  }

  Result<void> read_version(std::string_view version) {
    const bool shaped = version.size() == 8 && version.starts_with("HTTP/") && digits.has(version[5]) &&
                        version[6] == '.' && digits.has(version[7]);
    if (!shaped) return malformed("request_line", "must end with HTTP/1.1");
    head_.framing_.http_1_0 = version.ends_with("1.0");
    if (!head_.framing_.http_1_0 && !version.ends_with("1.1")) {
      return refuse(Code::http_version_unsupported, "request_line", "only HTTP/1.1 and HTTP/1.0 are spoken here");
    }
    return {};
  }

  Result<void> read_target(std::string_view method, std::string_view target) {
    const std::size_t path_size = std::min(target.find('?'), target.size());
    head_.path_size_ = static_cast<std::uint16_t>(path_size);
    if (target == "*" && method == "OPTIONS") return {};
    if (!target.starts_with('/')) return malformed("target", "must be an absolute path");
    TRY(check_path(target.substr(0, path_size)));
    return check_query(head_.query());
  }

  Result<void> read_field(std::string_view line) {
    if (line.front() == ' ' || line.front() == '\t') return malformed("header", "folded lines are not allowed");
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return malformed("header", "a field needs a colon after its name");
    const std::string_view name = line.substr(0, colon);
    const std::string_view value = trimmed(line.substr(colon + 1));
    if (name.empty() || !token_characters.has_all(name)) return malformed("header", "a field's name must be a token");
    if (!value_characters.has_all(value)) return malformed("header", "a field's value holds a control character");
    if (head_.fields_.size() == head_fields_max) {
      return refuse(Code::headers_too_large, "header", "at most 100 fields are read");
    }
    head_.fields_.push_back({span(name), span(value)});
    char* const letters = head_.bytes_.data() + head_.fields_.back().name.at;
    std::transform(letters, letters + name.size(), letters, lower);
    return {};
  }

  Result<void> check_host() const {
    const std::size_t hosts = head_.count("host");
    if (hosts > 1 || (hosts == 0 && !head_.framing_.http_1_0)) return malformed("host", "exactly one Host is needed");
    if (hosts == 1 && !is_host(*head_.header("host"))) return malformed("host", "must be a host and perhaps a port");
    return {};
  }

  Result<void> read_framing() {
    Framing& framing = head_.framing_;
    const std::size_t codings = head_.count("transfer-encoding");
    const std::size_t lengths = head_.count("content-length");
    if (codings > 1 || lengths > 1) return malformed("content_length", "the body's length is stated more than once");
    if (codings + lengths > 1) return malformed("content_length", "not allowed beside Transfer-Encoding");
    if (lengths == 1) framing.content_length = TRY(read_content_length(*head_.header("content-length")));
    if (codings == 1) {
      if (framing.http_1_0) return malformed("transfer_encoding", "HTTP/1.0 has none");
      if (!equals_ignoring_case(*head_.header("transfer-encoding"), "chunked")) {
        return refuse(Code::not_implemented, "transfer_encoding", "only chunked is understood");
      }
      framing.chunked = true;
    }
    framing.keep_alive = framing.http_1_0 ? says("connection", "keep-alive") && !says("connection", "close")
                                          : !says("connection", "close");
    framing.expects_continue = !framing.http_1_0 && says("expect", "100-continue");
    return {};
  }

  /// Whether any field of that name lists the word.
  bool says(std::string_view name, std::string_view word) const {
    return std::ranges::any_of(head_.fields_, [&](const Head::Field& field) {
      return head_.view(field.name) == name && list_has(head_.view(field.value), word);
    });
  }

  Head head_;
  std::size_t at_ = 0;
};

Result<Head> parse_head(std::string_view bytes) { return HeadReader(bytes).read(); }

}  // namespace cadastre::http
