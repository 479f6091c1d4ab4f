// SHA-256 (FIPS 180-4) by OpenSSL, HMAC (RFC 2104) and HKDF (RFC 5869) on it.
#pragma once

#include <memory>
#include <string_view>

#include "base/bytes.h"

namespace cadastre {

using Digest = Bytes<32>;

/// The SHA-256 of the concatenation of the given parts. Uses this thread's context, made once.
Digest sha256(ByteView bytes);
Digest sha256(std::string_view text);
Digest sha256(std::initializer_list<ByteView> parts);

/// The SHA-256 of what comes piece by piece, such as a file too large for memory.
class Sha256Stream {
 public:
  Sha256Stream();
  ~Sha256Stream();
  Sha256Stream(const Sha256Stream&) = delete;
  Sha256Stream& operator=(const Sha256Stream&) = delete;
  void add(ByteView bytes);
  /// Of all that was added; nothing may be added afterwards.
  Digest finish();

 private:
  struct Context;
  const std::unique_ptr<Context> context_;
};

/// Whether they are the same, in a time that does not tell where they differ.
bool equal_in_constant_time(const Digest& a, const Digest& b);

Digest hmac_sha256(ByteView key, ByteView message);
/// HKDF-SHA-256 with 32 bytes of output (RFC 5869 section 2); an empty salt stands for 32 zero bytes.
Digest hkdf_sha256(ByteView secret, ByteView salt, ByteView info);

}  // namespace cadastre
