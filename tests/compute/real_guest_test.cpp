// Real guests through the hypervisor's port: QEMU under libvirt's session, as tests/compute/run.py prepares it.
#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "tests/compute/session.h"

namespace cadastre {
namespace {

/// What an HTTP server at that port of this machine answers; empty when nobody does.
std::string page_at(int port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  std::string page;
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) {
    constexpr std::string_view request = "GET / HTTP/1.0\r\n\r\n";
    if (::send(fd, request.data(), request.size(), MSG_NOSIGNAL) > 0) {
      char buffer[1024];
      for (ssize_t n = 0; (n = ::read(fd, buffer, sizeof(buffer))) > 0;)
        page.append(buffer, static_cast<std::size_t>(n));
    }
  }
  ::close(fd);
  return page;
}

std::size_t count_of(const std::string& text, std::string_view part) {
  std::size_t count = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++count;
  return count;
}

std::size_t console_bytes(const World& world, const VmId& id) {
  std::size_t bytes = 0;
  for (const auto& file : std::filesystem::directory_iterator(world / ("guests/" + id.text()))) {
    if (file.path().filename().string().starts_with("console")) bytes += file.file_size();
  }
  return bytes;
}

TEST_CASE("Linux boots with its disk and its port, without any privilege, and leaves nothing when it is removed") {
  World world;
  auto spec = world.linux_guest();
  spec.disk = Gigabytes{2};
  spec.ports = {{8080, "tcp"}};
  REQUIRE(world->is_alive());  // libvirt starts, and tries out QEMU, once
  const Stopwatch booting;
  const auto guest = required(world->define_and_start(spec));
  const auto started = booting.elapsed();
  CHECK(guest.state == GuestState::running);
  CHECK(guest.started_at);
  REQUIRE(world.shows(spec.id, "CADASTRE-GUEST-UP"));
  MESSAGE("define_and_start ", started / 1ms, " ms, to the marker ", booting.elapsed() / 1ms, " ms");

  REQUIRE(world.shows(spec.id, "CADASTRE-GUEST-READY disk_sectors=3906250"));  // 2 * 10^9 / 512
  REQUIRE(guest.host_ports.size() == 1);
  CHECK(comes_true([&] { return holds(page_at(guest.host_ports[0].host_port), "cadastre guest"); }));

  const pid_t pid = guest_pid(spec.id);
  MESSAGE("resident ", status_of(pid, "VmRSS"));
  CHECK(status_of(pid, "Name").starts_with("qemu-system"));
  CHECK(!status_of(pid, "Uid").starts_with("0\t"));
  CHECK(!holds(status_of(pid, "Uid") + '\t', "\t0\t"));
  for (const auto* set : {"CapInh", "CapPrm", "CapEff", "CapAmb"}) CHECK(status_of(pid, set) == "0000000000000000");
  CHECK(status_of(pid, "Seccomp") == "2");  // proc(5): a filter
  CHECK(status_of(pid, "NoNewPrivs") == "1");

  const Stopwatch destroying;
  CHECK(world->destroy(spec.id));
  MESSAGE("destroy ", destroying.elapsed() / 1ms, " ms");
  CHECK(!runs(pid));
  CHECK(world->find(spec.id)->state == GuestState::stopped);
  CHECK(std::filesystem::exists(world / ("guests/" + spec.id.text() + "/disk.qcow2")));
  CHECK(world->remove(spec.id));
  CHECK(!world->find(spec.id));
  CHECK(!std::filesystem::exists(world / ("guests/" + spec.id.text())));
  CHECK(world->list().guests.empty());
}

TEST_CASE("guests of one tenant reach each other, and a guest of another tenant reaches neither") {
  World world;
  const auto peer = world.linux_guest("cadastre.lan=192.168.77.2");
  const auto own = world.linux_guest("cadastre.lan=192.168.77.1 cadastre.ping=192.168.77.2");
  auto other = world.linux_guest("cadastre.lan=192.168.77.3 cadastre.ping=192.168.77.2");
  other.tenant = *TenantId::parse("globex");
  for (const auto& spec : {peer, own, other}) required(world->define_and_start(spec));
  CHECK(world.shows(own.id, "CADASTRE-GUEST-PING 192.168.77.2 answers"));
  const auto tries = [&] { return count_of(world->console(other.id), "CADASTRE-GUEST-PING 192.168.77.2 is silent"); };
  const auto tries_before = tries();  // from here on the peer is known to answer
  CHECK(comes_true([&] { return tries() >= tries_before + 3; }));
  CHECK(!holds(world->console(other.id), "answers"));
  for (const auto& spec : {peer, own, other}) CHECK(world->remove(spec.id));
}

TEST_CASE("a guest boots with the seed that cloud-init looks for, and it goes with the guest") {
  World world;
  auto spec = world.small_guest();
  spec.seed = GuestSeed{R"({"instance-id":"1"})", "#cloud-config\n{}"};
  required(world->define_and_start(spec));
  CHECK(world.shows(spec.id, boot_sector_marker));
  CHECK(std::filesystem::exists(world / ("guests/" + spec.id.text() + "/seed.iso")));
  CHECK(world->remove(spec.id));
  CHECK(!std::filesystem::exists(world / ("guests/" + spec.id.text())));
}

TEST_CASE("a guest that never stops writing fills neither the disk nor the answer, and its last words are there") {
  World world;
  const auto spec = world.linux_guest("cadastre.flood");
  required(world->define_and_start(spec));
  REQUIRE(world.shows(spec.id, "CADASTRE-GUEST-READY"));
  const auto console = world->console(spec.id);
  CHECK(console.size() <= 65536);
  CHECK(console.size() > 60000);
  CHECK(holds(console, "6000 flood"));
  CHECK(console_bytes(world, spec.id) <= 2 * 65536);
  CHECK(world->remove(spec.id));
}

TEST_CASE("guests outlive libvirt's daemon and the agent, and are found again with whose they are") {
  World world;
  const auto spec = world.small_guest();
  required(world->define_and_start(spec));
  REQUIRE(world.shows(spec.id, boot_sector_marker));
  const pid_t pid = guest_pid(spec.id);
  const auto started_at = world->find(spec.id)->started_at;

  const int before = world.changes();
  const pid_t daemon = libvirtd_pid();
  REQUIRE(::kill(daemon, SIGKILL) == 0);
  CHECK(comes_true([&] { return world.changes() > before; }));  // the lost connection is told
  CHECK(comes_true([&] { return world->is_alive(); }));
  CHECK(libvirtd_pid() != daemon);
  CHECK(runs(pid));
  CHECK(world->find(spec.id)->state == GuestState::running);

  world.restart();
  const auto adopted = world->list();
  REQUIRE(adopted.guests.size() == 1);
  CHECK(adopted.guests[0].id == spec.id);
  CHECK(adopted.guests[0].tenant == spec.tenant);
  CHECK(adopted.guests[0].started_at == started_at);
  CHECK(required(world->define_and_start(spec)).started_at == started_at);  // and not started twice
  CHECK(guest_pid(spec.id) == pid);

  CHECK(world->reset(spec.id));      // from here on libvirt speaks with the guest again, and hears of its end
  const int then = world.changes();  // events are followed on the new connection too
  REQUIRE(::kill(pid, SIGKILL) == 0);
  CHECK(comes_true([&] { return world.changes() > then; }));
  CHECK(comes_true([&] { return world->find(spec.id)->state == GuestState::failed; }));
  CHECK(holds(world->find(spec.id)->reason, "ended without being asked to"));
  CHECK(required(world->define_and_start(spec)).state == GuestState::running);
  CHECK(world->remove(spec.id));
}

TEST_CASE("a guest that ended while libvirt's daemon was dead is seen as ended") {
  World world;
  const auto spec = world.small_guest();
  required(world->define_and_start(spec));
  const pid_t pid = guest_pid(spec.id);
  REQUIRE(::kill(libvirtd_pid(), SIGKILL) == 0);
  REQUIRE(::kill(pid, SIGKILL) == 0);
  CHECK(comes_true([&] { return world->is_alive(); }));
  CHECK(comes_true([&] { return world->find(spec.id)->state == GuestState::failed; }));
  CHECK(world->remove(spec.id));
  CHECK(world->list().guests.empty());
}

TEST_CASE("a host port that somebody took is refused by name, and replaced where the spec is at hand") {
  World world;
  auto spec = world.small_guest();
  spec.ports = {{22, "tcp"}};
  const auto first = required(world->define_and_start(spec));
  CHECK(world->destroy(spec.id));

  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(first.host_ports[0].host_port));
  REQUIRE(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0);
  REQUIRE(::listen(fd, 1) == 0);
  const auto refused = world->start(spec.id);
  REQUIRE(!refused);
  CHECK(holds(refused.error().detail, "host forwarding rule"));
  CHECK(holds(refused.error().detail, std::to_string(first.host_ports[0].host_port)));
  const auto second = required(world->define_and_start(spec));
  CHECK(second.host_ports[0].host_port != first.host_ports[0].host_port);
  ::close(fd);
  CHECK(world->remove(spec.id));
}

TEST_CASE("a reset guest begins again in the same process") {
  World world;
  const auto spec = world.small_guest();
  required(world->define_and_start(spec));
  REQUIRE(world.shows(spec.id, boot_sector_marker));
  const pid_t pid = guest_pid(spec.id);
  CHECK(world->reset(spec.id));
  CHECK(world.shows(spec.id, std::string(boot_sector_marker) + std::string(boot_sector_marker)));
  CHECK(guest_pid(spec.id) == pid);
  CHECK(world->remove(spec.id));
}

TEST_CASE("acceleration is proved by a guest") {
  World world;
  CHECK(required(world->prove(AccelerationWish::tcg)).acceleration == Acceleration::tcg);
  const auto proof = required(world->prove(AccelerationWish::automatic));
  MESSAGE(proof.sentence);
  CHECK((world->prove(AccelerationWish::kvm).has_value()) == (proof.acceleration == Acceleration::kvm));
  CHECK(world->list().leftovers.empty());
  CHECK(world->list().foreign.empty());
}

TEST_CASE("a Linux kernel proves it too") {
  const TestFolder folder;
  const SystemClock clock;
  SystemRandom random;
  const auto hypervisor = open_hypervisor(
      {.folder = folder / "guests", .probe_kernel = variable("CADASTRE_GUEST_KERNEL"), .probe_limit = patience}, clock,
      random);
  MESSAGE(required(hypervisor->prove(AccelerationWish::tcg)).sentence);
}

TEST_CASE("a crowd of guests starts, each with its own port and disk, and goes") {
  World world;
  constexpr std::size_t count = 6;
  std::vector<VmId> ids;
  for (std::size_t i = 0; i < count; ++i) {
    auto spec = world.small_guest();
    spec.ports = {{22, "tcp"}};
    required(world->define_and_start(spec));
    ids.push_back(spec.id);
  }
  std::vector<int> ports;
  for (const auto& guest : world->list().guests) ports.push_back(guest.host_ports.at(0).host_port);
  std::ranges::sort(ports);
  CHECK(ports.size() == count);
  CHECK(std::ranges::adjacent_find(ports) == ports.end());
  for (const auto& id : ids) CHECK(world.shows(id, boot_sector_marker));
  for (const auto& id : ids) CHECK(world->remove(id));
  CHECK(world->list().guests.empty());
  CHECK(std::filesystem::is_empty(world / "guests"));
}

}  // namespace
}  // namespace cadastre
