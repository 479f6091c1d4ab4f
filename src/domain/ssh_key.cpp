#include "domain/ssh_key.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <optional>

#include "base/bytes.h"

namespace cadastre {
namespace {

constexpr std::size_t line_max = 8192;  // RSA of 16384 bits has 2,800 characters of base64
constexpr std::size_t comment_max = 200;
constexpr std::size_t rsa_bits_min = 2048;
constexpr std::size_t rsa_bits_max = 16'384;  // OPENSSL_RSA_MAX_MODULUS_BITS, the most that OpenSSH verifies

std::unexpected<Refusal> refused(std::string reason, const std::string& rule) {
  std::string detail = fmt::format("{}: {}", reason, rule);
  return std::unexpected(Refusal{Code::invalid_field, std::move(reason), detail, {}, {{"/public_key", detail}}});
}
std::unexpected<Refusal> refused_encoding() {
  return refused("encoding",
                 "public_key must be one line of an OpenSSH public key: its type, its base64 and a comment");
}

/// The fields of a key as SSH sends them (RFC 4251 section 5): each has its length before it.
class Fields {
 public:
  explicit Fields(std::string_view bytes) : rest_(bytes) {}

  /// The next one; nothing when it is not whole.
  std::optional<std::string_view> take() {
    if (rest_.size() < 4) return std::nullopt;
    std::size_t length = 0;
    for (int i = 0; i < 4; ++i) length = length << 8U | static_cast<unsigned char>(rest_[static_cast<std::size_t>(i)]);
    rest_.remove_prefix(4);
    if (length > rest_.size()) return std::nullopt;
    const std::string_view field = rest_.substr(0, length);
    rest_.remove_prefix(length);
    return field;
  }
  bool take_this(std::string_view expected) { return take() == expected; }
  bool take_of_size(std::size_t bytes) {
    const auto field = take();
    return field && field->size() == bytes;
  }
  /// A point that is not compressed (SEC 1 section 2.3.3), of two coordinates of so many bytes.
  bool take_point(std::size_t coordinate_bytes) {
    const auto point = take();
    return point && point->size() == 1 + 2 * coordinate_bytes && point->front() == '\x04';
  }
  bool take_some() {
    const auto field = take();
    return field && !field->empty();
  }
  /// How many bits a positive number has (RFC 4251 section 5, mpint); nothing when it is none, or padded.
  std::optional<std::size_t> take_number_bits() {
    const auto field = take();
    if (!field || field->empty()) return std::nullopt;
    const auto at = [&](std::size_t i) { return static_cast<unsigned char>((*field)[i]); };
    if (at(0) >= 0x80U) return std::nullopt;
    if (at(0) != 0) return 8 * (field->size() - 1) + static_cast<std::size_t>(std::bit_width(unsigned{at(0)}));
    if (field->size() < 2 || at(1) < 0x80U) return std::nullopt;
    return 8 * (field->size() - 1);
  }
  bool is_at_end() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

/// Whether what follows the type is a key of that type, and all of it.
Result<void> check_key(std::string_view type, Fields& fields) {
  const auto whole = [&](bool is_key) -> Result<void> {
    if (is_key && fields.is_at_end()) return {};
    return refused_encoding();
  };
  if (type == "ssh-ed25519") return whole(fields.take_of_size(32));
  if (type == "sk-ssh-ed25519@openssh.com") return whole(fields.take_of_size(32) && fields.take_some());
  if (type == "ecdsa-sha2-nistp256") return whole(fields.take_this("nistp256") && fields.take_point(32));
  if (type == "ecdsa-sha2-nistp384") return whole(fields.take_this("nistp384") && fields.take_point(48));
  if (type == "ecdsa-sha2-nistp521") return whole(fields.take_this("nistp521") && fields.take_point(66));
  if (type == "sk-ecdsa-sha2-nistp256@openssh.com") {
    return whole(fields.take_this("nistp256") && fields.take_point(32) && fields.take_some());
  }
  const auto exponent = fields.take_number_bits();
  const auto modulus = fields.take_number_bits();
  TRY(whole(exponent && modulus));
  if (*modulus >= rsa_bits_min && *modulus <= rsa_bits_max) return {};
  return refused("weak_key", fmt::format("an RSA key must have {} to {} bits", rsa_bits_min, rsa_bits_max));
}

bool is_known_type(std::string_view type) {
  constexpr std::string_view types[] = {"ssh-ed25519",
                                        "ecdsa-sha2-nistp256",
                                        "ecdsa-sha2-nistp384",
                                        "ecdsa-sha2-nistp521",
                                        "ssh-rsa",
                                        "sk-ssh-ed25519@openssh.com",
                                        "sk-ecdsa-sha2-nistp256@openssh.com"};
  return std::ranges::find(types, type) != std::end(types);
}

/// What stands before the next blank; the rest stays.
std::string_view take_word(std::string_view& rest) {
  const std::string_view word = rest.substr(0, rest.find(' '));
  rest.remove_prefix(std::min(rest.size(), word.size() + 1));
  return word;
}

}  // namespace

Result<SshPublicKey> parse_ssh_public_key(std::string_view line) {
  if (line.contains("PRIVATE KEY") || line.contains("PuTTY-User-Key-File")) {
    return refused("private_key_material",
                   "this is a private key; it should be replaced, and only its public half sent");
  }
  const auto is_printable = [](char c) { return ' ' <= c && c <= '~'; };
  if (line.size() > line_max || !std::ranges::all_of(line, is_printable)) return refused_encoding();
  std::string_view rest = line;
  SshPublicKey key{.type = std::string(take_word(rest)), .blob = {}, .comment = {}};
  if (!is_known_type(key.type)) {
    return refused("key_type",
                   "public_key must begin with ssh-ed25519, ecdsa-sha2-nistp256, -384 or -521, ssh-rsa, or a "
                   "security key's type, and have no options before it");
  }
  const auto blob = decode_base64(take_word(rest));
  if (!blob || rest.size() > comment_max || rest.starts_with(' ') || line.ends_with(' ')) return refused_encoding();
  key.blob = *blob;
  key.comment = rest;
  Fields fields(key.blob);
  if (!fields.take_this(key.type)) return refused_encoding();
  TRY(check_key(key.type, fields));
  return key;
}

Result<SshPublicKey> check_ssh_key(std::string_view name, std::string_view line) {
  auto key = TRY(parse_ssh_public_key(line));
  if (is_resource_name(name)) return key;
  return refuse_member("name", "must have 1 to 63 letters, digits and single '-', and not start or end with '-'");
}

std::int64_t revision_of(const SshKey& key) { return ms_since_epoch(key.created_at); }

}  // namespace cadastre
