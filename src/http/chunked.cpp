#include "http/chunked.h"

#include <algorithm>
#include <utility>

#include "http/characters.h"

namespace cadastre::http {

namespace {

constexpr std::size_t framing_bytes_max = 4096;  // a size line with its extensions, or the trailers

std::unexpected<Refusal> malformed(const char* detail) { return refuse(Code::malformed, "transfer_encoding", detail); }

}  // namespace

Result<std::size_t> ChunkedDecoder::take(std::string_view bytes, std::string& body) {
  std::size_t taken = 0;
  while (taken < bytes.size() && !done()) {
    if (state_ == State::data) {
      const std::size_t here = std::min(size_, bytes.size() - taken);
      body.append(bytes.substr(taken, here));
      taken += here;
      size_ -= here;
      if (size_ == 0) state_ = State::data_return;
    } else {
      state_ = TRY(step(bytes[taken]));
      ++taken;
    }
  }
  return taken;
}

Result<ChunkedDecoder::State> ChunkedDecoder::step(char c) {
  const auto expect = [c](char wanted, State next) -> Result<State> {
    if (c != wanted) return malformed("the framing of a chunk is broken");
    return next;
  };
  const auto line = [c](State here, State end) -> Result<State> {
    if (c == '\r') return end;
    if (!value_characters.has(c)) return malformed("a line of the chunked framing holds a control character");
    return here;
  };
  if (++framing_bytes_ > framing_bytes_max) return malformed("too many bytes of chunked framing");
  switch (state_) {
    case State::size: return add_size_digit(c);
    case State::size_rest:
      if (c == '\r') return State::size_feed;
      if (c == ';') return State::extension;
      return add_size_digit(c);
    case State::extension: return line(State::extension, State::size_feed);
    case State::size_feed: body_bytes_ += size_; return expect('\n', size_ == 0 ? State::trailer_start : State::data);
    case State::data_return: return expect('\r', State::data_feed);
    case State::data_feed: framing_bytes_ = 0; return expect('\n', State::size);
    case State::trailer_start:
      if (c == '\r') return State::last_feed;
      if (!token_characters.has(c)) return malformed("a trailer field's name must be a token");
      return State::trailer;
    case State::trailer: return line(State::trailer, State::trailer_feed);
    case State::trailer_feed: return expect('\n', State::trailer_start);
    case State::last_feed: return expect('\n', State::done);
    case State::data:
    case State::done: break;
  }
  std::unreachable();
}

Result<ChunkedDecoder::State> ChunkedDecoder::add_size_digit(char c) {
  const int digit = hex_digit(c);
  if (digit < 0) return malformed("a chunk's size must be in hexadecimal digits");
  const std::size_t left = body_bytes_max_ - body_bytes_;  // the most that this chunk may hold
  const std::size_t size = size_ * 16 + static_cast<std::size_t>(digit);
  if (size > left) return refuse(Code::content_too_large, "body", "the body is larger than the server takes");
  size_ = size;
  return State::size_rest;
}

}  // namespace cadastre::http
