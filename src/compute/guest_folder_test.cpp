#include "compute/guest_folder.h"

#include <doctest/doctest.h>

#include "base/test_folder.h"

namespace cadastre {
namespace {

const VmId id = *VmId::parse("0190a000-0000-7000-8000-000000000001");

TEST_CASE("a guest's files lie in a folder of its id, its owner's alone, and go with it") {
  const TestFolder folder;
  const GuestFolder guests(folder / "guests");
  guests.create(id);
  guests.create(id);
  CHECK(guests.disk(id) == folder / "guests/0190a000-0000-7000-8000-000000000001/disk.qcow2");
  CHECK(std::filesystem::status(folder / "guests").permissions() == std::filesystem::perms::owner_all);
  CHECK(std::filesystem::status(guests.root() + "/" + id.text()).permissions() == std::filesystem::perms::owner_all);
  write_bytes(guests.disk(id), "disk");
  write_bytes(guests.root() + "/0190A000-0000-7000-8000-000000000002/x", "no name of ours");
  write_bytes(guests.root() + "/lost+found/x", "");
  CHECK(guests.ids() == std::vector{id});
  guests.remove(id);
  guests.remove(id);
  CHECK(guests.ids().empty());
  CHECK(!std::filesystem::exists(guests.root() + "/" + id.text()));
}

TEST_CASE("a console's tail is its last 64 KiB, over the file put aside") {
  struct Row {
    std::size_t aside, now, from_aside, from_now;
  };
  const Row rows[] = {
      {0, 0, 0, 0},  {0, 10, 0, 10}, {65536, 10, 65526, 10}, {65536, 65536, 0, 65536}, {70000, 70000, 0, 65536},
      {5, 10, 5, 10}};
  for (const Row& row : rows) {
    CAPTURE(row.aside);
    CAPTURE(row.now);
    const TestFolder folder;
    const GuestFolder guests(folder / "guests");
    guests.create(id);
    if (row.aside > 0) write_bytes(guests.console(id) + ".0", "<" + std::string(row.aside - 1, 'a'));
    if (row.now > 0) write_bytes(guests.console(id), std::string(row.now, 'b'));
    const auto tail = guests.console_tail(id);
    CHECK(tail.size() == row.from_aside + row.from_now);
    CHECK(tail.substr(row.from_aside) == std::string(row.from_now, 'b'));
  }
}

}  // namespace
}  // namespace cadastre
