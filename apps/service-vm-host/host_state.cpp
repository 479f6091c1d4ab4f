#include "host_state.h"

#include <fmt/format.h>

#include <filesystem>
#include <stdexcept>
#include <utility>

#include "base/json.h"
#include "base/secret_file.h"
#include "token/key_text.h"

namespace cadastre {
namespace {

constexpr int depth_max = 2;

std::string member_of(const json::Value& document, std::string_view name, const std::string& path) {
  const json::Value* const value = document.find(name);
  if (value == nullptr || value->kind != json::Kind::string)
    throw std::runtime_error(fmt::format("{} is damaged: enrol this node again", path));
  return value->text;
}

}  // namespace

void HostState::make_folder() const {
  namespace fs = std::filesystem;
  if (fs::exists(folder_)) return;
  fs::create_directories(folder_);
  fs::permissions(folder_, fs::perms::owner_all | fs::perms::group_exec | fs::perms::others_exec);
}

std::optional<PrivateKey> HostState::find_key() const {
  const auto text = read_secret_file(key_file());
  if (!text) return std::nullopt;
  auto key = parse_private_key(*text);
  if (!key) throw std::runtime_error(fmt::format("{} is damaged: put it back, or enrol as another node", key_file()));
  return *std::move(key);
}

PrivateKey HostState::key(Random& random) const {
  if (auto known = find_key()) return *std::move(known);
  PrivateKey fresh = PrivateKey::draw(random);
  write_secret_file(key_file(), encode_private_key_pem(fresh));
  return fresh;
}

std::optional<Enrolment> HostState::find_enrolment() const {
  const auto text = read_secret_file(enrolment_file());
  if (!text) return std::nullopt;
  const auto document = json::parse(*text, depth_max).value.value_or(json::Value());
  return Enrolment{.controller = member_of(document, "controller", enrolment_file()),
                   .tenant = member_of(document, "tenant", enrolment_file()),
                   .node_id = member_of(document, "node_id", enrolment_file())};
}

void HostState::keep(const Enrolment& enrolment) const {
  std::string out;
  json::Object(out)
      .field("controller", enrolment.controller)
      .field("tenant", enrolment.tenant)
      .field("node_id", enrolment.node_id)
      .end();
  write_secret_file(enrolment_file(), out + "\n");
}

bool HostState::has_token() const { return std::filesystem::exists(token_file()); }

}  // namespace cadastre
