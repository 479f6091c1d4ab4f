#include "http/chunked.h"

#include <doctest/doctest.h>

using namespace cadastre;
using namespace cadastre::http;

namespace {

constexpr std::size_t body_max = 20;

/// What comes of the bytes when they arrive `step` at a time: the body, or the name of the refusal.
std::string decode(std::string_view bytes, std::size_t step, std::size_t& taken) {
  ChunkedDecoder decoder(body_max);
  std::string body;
  taken = 0;
  while (taken < bytes.size() && !decoder.done()) {
    const auto more = decoder.take(bytes.substr(taken, step), body);
    if (!more) return more.error().code == Code::content_too_large ? "<too large>" : "<malformed>";
    taken += *more;
  }
  return decoder.done() ? body : "<unfinished>";
}

}  // namespace

TEST_CASE("chunks join to a body, however they arrive") {
  struct Row {
    std::string_view bytes, body;
  };
  const Row rows[] = {
      {"0\r\n\r\n", ""},
      {"5\r\nhello\r\n0\r\n\r\n", "hello"},
      {"5\r\nhello\r\n6\r\n world\r\n00\r\n\r\n", "hello world"},
      {"A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n", "01234567890123456789"},
      {"2;a=b;c=\"d\"\r\nhi\r\n0;x\r\n\r\n", "hi"},
      {"2\r\nhi\r\n0\r\nTrailer: x\r\nOther:\r\n\r\n", "hi"},
      {"2\r\n\r\n\r\n0\r\n\r\n", "\r\n"},
      {"", "<unfinished>"},
      {"2\r\nhi\r\n0\r\n", "<unfinished>"},
      {"15\r\n", "<too large>"},
      {"a\r\n0123456789\r\nb\r\n", "<too large>"},
      {"ffffffffffffffffffffffff\r\n", "<too large>"},
      {"\r\n", "<malformed>"},
      {"g\r\n", "<malformed>"},
      {" 2\r\nhi\r\n0\r\n\r\n", "<malformed>"},
      {"2 \r\nhi\r\n0\r\n\r\n", "<malformed>"},
      {"0x2\r\nhi\r\n0\r\n\r\n", "<malformed>"},
      {"-2\r\nhi\r\n0\r\n\r\n", "<malformed>"},
      {"2\nhi\r\n0\r\n\r\n", "<malformed>"},
      {"2\rhi\r\n0\r\n\r\n", "<malformed>"},
      {"2;a\nhi\r\n0\r\n\r\n", "<malformed>"},
      {"2\r\nhi0\r\n\r\n", "<malformed>"},
      {"2\r\nhi\n0\r\n\r\n", "<malformed>"},
      {"2\r\nhi!\r\n0\r\n\r\n", "<malformed>"},
      {"0\r\n x: folded\r\n\r\n", "<malformed>"},
      {"0\r\nx: y\n\r\n", "<malformed>"},
      {"0\r\n\rx", "<malformed>"},
  };
  for (const auto& row : rows) {
    for (const std::size_t step : {std::size_t{1}, std::size_t{2}, std::size_t{3}, row.bytes.size() + 1}) {
      CAPTURE(row.bytes);
      CAPTURE(step);
      std::size_t taken = 0;
      CHECK(decode(row.bytes, step, taken) == row.body);
    }
  }
}

TEST_CASE("bytes after a chunked body are left alone") {
  std::size_t taken = 0;
  CHECK(decode("1\r\nx\r\n0\r\n\r\nGET /", 100, taken) == "x");
  CHECK(taken == 11);
}

TEST_CASE("framing that never ends is refused") {
  std::size_t taken = 0;
  CHECK(decode("1;" + std::string(5000, 'x'), 100, taken) == "<malformed>");
  CHECK(decode(std::string(5000, '0'), 100, taken) == "<malformed>");
  std::string trailers = "0\r\n";
  for (int i = 0; i < 1000; ++i) trailers += "a: b\r\n";
  CHECK(decode(trailers, 100, taken) == "<malformed>");
}
