// The chunked transfer coding (RFC 9112 section 7.1), decoded as its bytes arrive.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace cadastre::http {

/// Decodes one chunked body. Chunk extensions and trailers are checked for form and dropped.
class ChunkedDecoder {
 public:
  explicit ChunkedDecoder(std::size_t body_bytes_max) : body_bytes_max_(body_bytes_max) {}

  /// Takes bytes up to the end of the body and appends the data among them to `body`; answers how many it took, which
  /// is all of them until `done`. Refuses a line end other than CRLF, white space around a size, a control character
  /// and overlong framing as `malformed`, a body above the limit as `content_too_large` as soon as a size says so.
  Result<std::size_t> take(std::string_view bytes, std::string& body);
  bool done() const { return state_ == State::done; }

 private:
  enum class State {
    size,       ///< Before the first digit.
    size_rest,  ///< After it.
    extension,
    size_feed,  ///< The line feed that ends the size line.
    data,
    data_return,
    data_feed,
    trailer_start,  ///< Before a trailer field or the empty line.
    trailer,
    trailer_feed,
    last_feed,
    done,
  };
  Result<State> step(char c);
  Result<State> add_size_digit(char c);

  State state_ = State::size;
  std::size_t body_bytes_max_;
  std::size_t body_bytes_ = 0;     ///< The sum of all sizes read so far.
  std::size_t size_ = 0;           ///< What is still to come of this chunk.
  std::size_t framing_bytes_ = 0;  ///< Of this chunk's size line, or of all trailers.
};

}  // namespace cadastre::http
