#include "http/message.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <optional>

#include <fmt/core.h>

#include "http/characters.h"

namespace cadastre::http {

namespace {

constexpr std::size_t parameters_max = 32;  // each is compared with all before it

std::unexpected<Refusal> malformed(const char* detail) { return refuse(Code::malformed, "query", detail); }

/// How many bytes the UTF-8 sequence (RFC 3629 section 4) that starts with `lead` has, 0 when none does.
std::size_t sequence_size(unsigned char lead) {
  if (lead < 0x80) return 1;
  if (0xc2 <= lead && lead <= 0xdf) return 2;
  if (0xe0 <= lead && lead <= 0xef) return 3;
  if (0xf0 <= lead && lead <= 0xf4) return 4;
  return 0;
}

bool is_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[at + i]); };
    const std::size_t size = sequence_size(byte(0));
    if (size == 0 || at + size > text.size()) return false;
    for (std::size_t i = 1; i < size; ++i) {
      if ((byte(i) & 0xc0) != 0x80) return false;
    }
    const bool overlong = (byte(0) == 0xe0 && byte(1) < 0xa0) || (byte(0) == 0xf0 && byte(1) < 0x90);
    const bool surrogate = byte(0) == 0xed && byte(1) > 0x9f;
    const bool beyond = byte(0) == 0xf4 && byte(1) > 0x8f;
    if (overlong || surrogate || beyond) return false;
    at += size;
  }
  return true;
}

/// The text with its escapes replaced, or nothing when one is broken or the outcome is not plain text.
std::optional<std::string> decode_percent(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    const int byte = escaped_byte(text, i);
    if (byte < 0x20 || byte == 0x7f) return std::nullopt;
    out += static_cast<char>(byte);
    i += 2;
  }
  if (!is_utf8(out)) return std::nullopt;
  return out;
}

/// The registered reason phrases (RFC 9110 section 15, RFC 6585) of the statuses we use; nobody may depend on them.
std::string_view reason_phrase(int status) {
  switch (status) {
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 304: return "Not Modified";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 412: return "Precondition Failed";
    case 413: return "Content Too Large";
    case 415: return "Unsupported Media Type";
    case 422: return "Unprocessable Content";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 503: return "Service Unavailable";
    case 505: return "HTTP Version Not Supported";
    default: return "";
  }
}

void append_number(std::string& out, std::size_t number) {
  char digits_of[20];
  const auto end = std::to_chars(std::begin(digits_of), std::end(digits_of), number).ptr;
  out.append(digits_of, end);
}

}  // namespace

Result<std::vector<std::pair<std::string, std::string>>> decode_query(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> parameters;
  if (query.empty()) return parameters;
  for (std::size_t at = 0; at <= query.size();) {
    const std::string_view part = query.substr(at, query.find('&', at) - at);
    at += part.size() + 1;
    const std::size_t equals = part.find('=');
    if (equals == std::string_view::npos || equals == 0) return malformed("each parameter must be name=value");
    if (parameters.size() == parameters_max) return malformed("too many parameters");
    auto name = decode_percent(part.substr(0, equals));
    auto value = decode_percent(part.substr(equals + 1));
    if (!name || !value) return malformed("an escape of the query does not stand for text");
    if (std::ranges::find(parameters, *name, [](const auto& known) { return known.first; }) != parameters.end()) {
      return malformed("a parameter is given twice");
    }
    parameters.emplace_back(*std::move(name), *std::move(value));
  }
  return parameters;
}

bool has_body(int status) { return status >= 200 && status != 204 && status != 304; }

void append_head(std::string& out, const Response& response, const Delivery& delivery) {
  out += "HTTP/1.1 ";
  append_number(out, static_cast<std::size_t>(response.status));
  out += ' ';
  out += reason_phrase(response.status);
  out += "\r\n";
  out += delivery.date_line;
  if (!response.content_type.empty()) {
    out += "Content-Type: ";
    out += response.content_type;
    out += "\r\n";
  }
  if (has_body(response.status)) {
    out += "Content-Length: ";
    append_number(out, response.content().size());
    out += "\r\n";
  }
  if (!delivery.keep_alive) {
    out += "Connection: close\r\n";
  } else if (delivery.http_1_0) {
    out += "Connection: keep-alive\r\n";
  }
  out += response.headers;
  out += "\r\n";
}

std::string date_line(Instant at) {
  static constexpr const char* days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                           "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto day = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(std::chrono::floor<std::chrono::seconds>(at - day));
  return fmt::format("Date: {}, {:02} {} {:04} {:02}:{:02}:{:02} GMT\r\n", days[std::chrono::weekday(day).c_encoding()],
                     static_cast<unsigned>(date.day()), months[static_cast<unsigned>(date.month()) - 1],
                     static_cast<int>(date.year()), time.hours().count(), time.minutes().count(),
                     time.seconds().count());
}

}  // namespace cadastre::http
