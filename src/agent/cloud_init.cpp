#include "agent/cloud_init.h"

#include "base/json.h"

namespace cadastre {

GuestSeed cloud_init_seed(const WishedGuest& wish) {
  GuestSeed seed{.meta_data = {}, .user_data = "#cloud-config\n"};
  json::Object(seed.meta_data)
      .field("instance-id", wish.id.text())
      .field("local-hostname", wish.name.empty() ? "vm-" + wish.id.text() : wish.name)
      .end();
  json::Object user(seed.user_data);
  std::string& keys = user.key("ssh_authorized_keys");
  keys += '[';
  for (const std::string& key : wish.ssh_authorized_keys) {
    if (&key != wish.ssh_authorized_keys.data()) keys += ',';
    json::append_string(keys, key);
  }
  keys += ']';
  user.end();
  return seed;
}

}  // namespace cadastre
