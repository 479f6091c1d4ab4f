#include "agent/cloud_init.h"

#include <doctest/doctest.h>

#include "agent/test_world.h"

namespace cadastre {

TEST_CASE("a guest is told its id, its name and who may log in") {
  WishedGuest wish = test_wish(1, GuestWish::run, 1);
  wish.ssh_authorized_keys = {"ssh-ed25519 AAAA ana@laptop", "ssh-rsa BBBB"};
  const GuestSeed seed = cloud_init_seed(wish);
  CHECK(seed.meta_data == R"({"instance-id":")" + wish.id.text() + R"(","local-hostname":"web"})");
  CHECK(seed.user_data ==
        "#cloud-config\n"
        R"({"ssh_authorized_keys":["ssh-ed25519 AAAA ana@laptop","ssh-rsa BBBB"]})");
}

TEST_CASE("a guest without a name is called by its id, and no key adds a line of its own") {
  WishedGuest wish = test_wish(1, GuestWish::run, 1);
  wish.name.clear();
  wish.ssh_authorized_keys = {"ssh-ed25519 AAAA x\nruncmd: [reboot]"};
  const GuestSeed seed = cloud_init_seed(wish);
  CHECK(seed.meta_data.ends_with(R"("local-hostname":"vm-)" + wish.id.text() + R"("})"));
  CHECK(seed.user_data.find("\nruncmd") == std::string::npos);
}

}  // namespace cadastre
