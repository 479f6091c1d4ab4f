#include "device_token.h"

#include <fmt/format.h>

#include <stdexcept>
#include <utility>

#include "base/secret_file.h"
#include "token/jws.h"

namespace cadastre {

std::optional<TokenLife> life_of(std::string_view token) {
  const auto jws = decode_jws(token);
  if (!jws) return std::nullopt;
  const auto claims = decode_object(jws->payload);
  if (!claims) return std::nullopt;
  const json::Value* const issued = claims->find("iat");
  const json::Value* const expires = claims->find("exp");
  const auto issued_at_s = issued != nullptr ? issued->integer() : std::nullopt;
  const auto expires_at_s = expires != nullptr ? expires->integer() : std::nullopt;
  if (!issued_at_s || !expires_at_s) return std::nullopt;
  return TokenLife{instant_from_s(*issued_at_s), instant_from_s(*expires_at_s)};
}

DeviceToken::DeviceToken(std::string path) : path_(std::move(path)) {
  auto content = read_secret_file(path_);
  if (!content) throw std::runtime_error(fmt::format("there is no token in {}: enrol this node first", path_));
  while (!content->empty() && (content->back() == '\n' || content->back() == ' ')) content->pop_back();
  if (!life_of(*content)) throw std::runtime_error(fmt::format("{} holds no token: enrol this node again", path_));
  text_ = *std::move(content);
}

std::string DeviceToken::text() const {
  const std::scoped_lock lock(mutex_);
  return text_;
}

void DeviceToken::replace(const std::string& token) {
  const std::scoped_lock lock(mutex_);
  write_secret_file(path_, token + "\n");
  text_ = token;
}

}  // namespace cadastre
