#include "compute/acceleration_probe.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>

#include "base/test_folder.h"
#include "compute/test_hypervisor.h"

namespace cadastre {
namespace {

using namespace std::chrono_literals;

TEST_CASE("acceleration is what a probe guest ran under, never what was hoped for") {
  struct Row {
    AccelerationWish wish;
    bool kvm_works, tcg_works;
    std::string_view proved;  // empty: refused
    int probes;
  };
  using enum AccelerationWish;
  const Row rows[] = {
      {automatic, true, true, "kvm", 1}, {automatic, false, true, "tcg", 2}, {automatic, false, false, "", 2},
      {kvm, true, true, "kvm", 1},       {kvm, false, true, "", 1},          {tcg, true, true, "tcg", 1},
      {tcg, true, false, "", 1},
  };
  for (const Row& row : rows) {
    CAPTURE(static_cast<int>(row.wish));
    int probes = 0;
    const auto proof =
        prove_acceleration(row.wish, [&](Acceleration acceleration) -> Result<std::chrono::milliseconds> {
          ++probes;
          if (acceleration == Acceleration::kvm ? row.kvm_works : row.tcg_works) return 270ms;
          return refuse(Code::unavailable, "acceleration", "It does not work.");
        });
    CHECK((proof ? name_of(proof->acceleration) : "") == row.proved);
    CHECK(probes == row.probes);
    if (proof) CHECK(proof->sentence.find("270 ms") != std::string::npos);
  }
}

TEST_CASE("a fall back to TCG says what spoke against KVM") {
  const auto proof = prove_acceleration(AccelerationWish::automatic,
                                        [](Acceleration acceleration) -> Result<std::chrono::milliseconds> {
                                          if (acceleration == Acceleration::tcg) return 3ms;
                                          return refuse(Code::unavailable, "acceleration", "There is no /dev/kvm.");
                                        });
  CHECK(proof->sentence == "A probe guest ran under tcg after 3 ms. KVM: There is no /dev/kvm.");
}

TEST_CASE("a device that is missing or forbidden is told apart from one that may be tried") {
  const TestFolder folder;
  CHECK(reason_against_kvm(folder / "kvm") == "There is no " + (folder / "kvm") + ".");
  write_bytes(folder / "kvm", "");
  CHECK(reason_against_kvm(folder / "kvm").empty());
  std::filesystem::permissions(folder / "kvm", std::filesystem::perms::none);
  if (::geteuid() != 0) CHECK(reason_against_kvm(folder / "kvm").find("chgrp kvm") != std::string::npos);
}

TEST_CASE("a boot sector has the size and the signature that firmware looks for") {
  const auto sector = boot_sector();
  CHECK(sector.size() == 512);
  CHECK(sector.substr(510) == "\x55\xaa");
  CHECK(sector.find(boot_sector_marker) == 0x18);
}

TEST_CASE("a probe guest that shows nothing proves nothing, and is gone") {
  const TestFolder folder;
  const SystemClock clock;
  SeededRandom random(1);
  LibvirtHypervisor hypervisor({.uri = "test:///default", .folder = folder / "guests", .probe_limit = 20ms}, clock,
                               random);
  CHECK(refusal_of(hypervisor.prove(AccelerationWish::tcg)) == "The probe guest showed no sign of life within 20 ms.");
  CHECK(hypervisor.list().foreign.size() == 1);
  CHECK(hypervisor.list().leftovers.empty());
}

}  // namespace
}  // namespace cadastre
