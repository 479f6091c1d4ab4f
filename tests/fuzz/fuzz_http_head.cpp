// The readers of HTTP: no input crashes them, a head taken is one that nobody could take differently, and a chunked
// body does not depend on how its bytes were cut.
#include <optional>

#include "base/invariant.h"
#include "http/chunked.h"
#include "http/message.h"

namespace {

using namespace cadastre::http;

void check_head(std::string_view bytes) {
  auto read = parse_head(bytes);
  if (!read) return;
  CHECK_INVARIANT(find_head_end(bytes, 0) == bytes.size());
  const std::string_view host_before = read->header("host").value_or("");
  const Head head = *std::move(read);
  CHECK_INVARIANT(head.header("host").value_or("").data() == host_before.data());
  CHECK_INVARIANT(head.path() == "*" || head.path().starts_with('/'));
  for (const std::string_view never : {"//", "/./", "/../", "\\", " ", "%2f", "%2F", "%2e", "%2E"}) {
    CHECK_INVARIANT(head.path().find(never) == std::string_view::npos);
  }
  CHECK_INVARIANT(head.count("host") <= 1 && head.count("content-length") + head.count("transfer-encoding") <= 1);
  CHECK_INVARIANT(head.count("host") == 1 || head.framing().http_1_0);
  CHECK_INVARIANT(!head.framing().chunked || (head.framing().content_length == 0 && !head.framing().http_1_0));
  (void)decode_query(head.query());
}

/// The body and how many bytes it took, when `bytes` arrive `step` at a time; nothing when refused or unfinished.
std::optional<std::pair<std::string, std::size_t>> decode(std::string_view bytes, std::size_t step) {
  ChunkedDecoder decoder(1000);
  std::string body;
  std::size_t taken = 0;
  while (taken < bytes.size() && !decoder.done()) {
    const auto more = decoder.take(bytes.substr(taken, step), body);
    if (!more) return std::nullopt;
    taken += *more;
  }
  CHECK_INVARIANT(body.size() <= 1000);
  return decoder.done() ? std::optional(std::pair(body, taken)) : std::nullopt;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (size > head_bytes_possible) return 0;
  check_head(bytes);
  CHECK_INVARIANT(decode(bytes, size + 1) == decode(bytes, 1));
  (void)decode_query(bytes);
  return 0;
}
