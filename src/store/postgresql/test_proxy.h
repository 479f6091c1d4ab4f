// A way to the test cluster that can be cut, or stand still, at the worst moment.
#pragma once

#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "store/postgresql/test_cluster.h"

namespace cadastre::postgresql {

/// Passes on what clients and the cluster say to each other, until it is told to cut.
class TestProxy {
 public:
  enum class Cut {
    never,
    before_commit,          ///< The next COMMIT does not reach the server.
    after_commit,           ///< The answer to the next COMMIT does not reach the client.
    after_commit_for_good,  ///< Nor does anything else, until `open`.
  };

  /// What becomes of what is said.
  enum class Manner {
    passing,
    swallowing,  ///< Whoever speaks is heard, and nothing is passed on: a way that lost the other end.
    holding,     ///< Nobody is heard any more: a server that stands still.
  };

  TestProxy() {
    std::string folder = "/tmp/cadastre-proxy-XXXXXX";
    REQUIRE(::mkdtemp(folder.data()) != nullptr);
    folder_ = folder;
    listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_un address = address_in(folder_);
    REQUIRE(::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(::listen(listener_, 64) == 0);
    wake_ = ::eventfd(0, EFD_CLOEXEC);
    thread_ = std::thread([this] { run(); });
  }
  TestProxy(const TestProxy&) = delete;
  TestProxy& operator=(const TestProxy&) = delete;
  ~TestProxy() {
    stopping_ = true;
    wake();
    thread_.join();
    ::close(listener_);
    ::close(wake_);
    ::unlink(socket_in(folder_).c_str());
    ::rmdir(folder_.c_str());
  }

  /// The schema's URL by way of the proxy.
  std::string url(const TestSchema& schema) const {
    const std::string direct = schema.url();
    const std::size_t start = direct.find("host=") + 5;
    return direct.substr(0, start) + folder_ + direct.substr(direct.find('&', start));
  }
  void cut_next(Cut cut) { cut_ = cut; }
  int cuts() const { return cuts_; }
  /// Stands still in the midst of what a client sends next for the statement of this name: only the first 8 KiB of it
  /// reach the server, and nothing else of that client does. Before any client sends it.
  void hold_at(std::string_view statement) {
    held_at_ = std::string(1, '\0') + std::string(statement) + '\0';
    holds_next_ = true;
  }
  /// Ends the next connection whose client says the text, in place of passing it on. Before any client says it.
  void end_at(std::string_view text) {
    ended_at_ = text;
    ends_next_ = true;
  }
  bool is_holding() const { return is_holding_; }
  /// Ends the connection that is held.
  void let_go() {
    is_holding_ = false;
    wake();
  }
  /// Ends all connections and takes no new ones.
  void close() {
    is_open_ = false;
    wake();
  }
  void open() { is_open_ = true; }
  void be(Manner manner) {
    manner_ = manner;
    wake();
  }

 private:
  struct Pair {
    int client, server;
    bool is_held = false;
  };

  static std::string socket_in(const std::string& folder) { return folder + "/.s.PGSQL.5432"; }
  static sockaddr_un address_in(const std::string& folder) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, socket_in(folder).c_str(), sizeof address.sun_path - 1);
    return address;
  }
  static std::string cluster_folder() {
    const std::string& url = cluster_url();
    const std::size_t start = url.find("host=") + 5;
    std::string folder = url.substr(start, url.find('&', start) - start);
    for (std::size_t at = folder.find("%2F"); at != std::string::npos; at = folder.find("%2F"))
      folder.replace(at, 3, "/");
    return folder;
  }

  void wake() {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(wake_, &one, sizeof one);
  }

  void accept_one() {
    const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) return;
    const int server = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_un address = address_in(cluster_folder());
    const bool connected =
        is_open_ && ::connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    if (connected) return pairs_.push_back({client, server});
    ::close(client);
    ::close(server);
  }

  static void end(const Pair& pair) {
    ::close(pair.client);
    ::close(pair.server);
  }

  static bool send_all(int to, const char* data, std::size_t size) {
    while (size > 0) {
      const ssize_t sent = ::send(to, data, size, MSG_NOSIGNAL);
      if (sent <= 0) return false;
      data += sent;
      size -= static_cast<std::size_t>(sent);
    }
    return true;
  }

  /// False when the pair is over.
  bool pass(Pair& pair, bool from_client) {
    std::array<char, 65'536> buffer;
    const ssize_t got = ::recv(from_client ? pair.client : pair.server, buffer.data(), buffer.size(), 0);
    if (got <= 0) return false;
    if (manner_ == Manner::swallowing) return true;
    const std::string_view data(buffer.data(), static_cast<std::size_t>(got));
    if (from_client && ends_next_ && data.find(ended_at_) != data.npos) {
      ends_next_ = false;
      ++cuts_;
      return false;
    }
    // A Bind of the unnamed portal to the statement `commit`.
    const bool commits = from_client && cut_ != Cut::never && data.find(std::string_view("\0commit\0", 8)) != data.npos;
    if (commits) return pass_commit(pair, data);
    if (from_client && holds_next_ && data.find(held_at_) != data.npos) return pass_beginning(pair, data);
    return send_all(from_client ? pair.server : pair.client, data.data(), data.size());
  }

  bool pass_beginning(Pair& pair, std::string_view data) {
    holds_next_ = false;
    pair.is_held = is_holding_ = true;
    data = data.substr(0, data.find(held_at_) + passed_of_held);
    return send_all(pair.server, data.data(), data.size());
  }

  bool pass_commit(const Pair& pair, std::string_view data) {
    const Cut cut = cut_.exchange(Cut::never);
    ++cuts_;
    if (cut == Cut::before_commit) return false;
    std::array<char, 65'536> answer;
    send_all(pair.server, data.data(), data.size());
    [[maybe_unused]] const auto got = ::recv(pair.server, answer.data(), answer.size(), 0);  // it is committed now
    if (cut == Cut::after_commit_for_good) is_open_ = false;
    return false;
  }

  void run() {
    while (!stopping_) {
      std::vector<pollfd> all = {{listener_, POLLIN, 0}, {wake_, POLLIN, 0}};
      for (const Pair& pair : pairs_) {
        const auto is_heard = [&] { return manner_ != Manner::holding && !pair.is_held; };
        all.push_back({is_heard() ? pair.client : -1, POLLIN, 0});  // poll(2) leaves out those below 0
        all.push_back({is_heard() ? pair.server : -1, POLLIN, 0});
      }
      ::poll(all.data(), all.size(), -1);
      std::vector<Pair> left;
      for (std::size_t i = 0; i < pairs_.size(); ++i) {
        bool goes_on = is_open_ && (!pairs_[i].is_held || is_holding_);
        if (goes_on && all[2 + 2 * i].revents != 0) goes_on = pass(pairs_[i], true);
        if (goes_on && all[3 + 2 * i].revents != 0) goes_on = pass(pairs_[i], false);
        if (goes_on)
          left.push_back(pairs_[i]);
        else
          end(pairs_[i]);
      }
      pairs_ = std::move(left);
      if (all[0].revents != 0) accept_one();
      std::uint64_t woken = 0;
      if (all[1].revents != 0) [[maybe_unused]]
        const auto read = ::read(wake_, &woken, sizeof woken);
    }
    for (const Pair& pair : pairs_) end(pair);
  }

  static constexpr std::size_t passed_of_held = 8'192;  // libpq sends what is long in pieces of that size

  std::string folder_;
  std::string held_at_, ended_at_;
  int listener_ = -1, wake_ = -1;
  std::atomic<Cut> cut_{Cut::never};
  std::atomic<Manner> manner_{Manner::passing};
  std::atomic<bool> stopping_{false}, is_open_{true}, holds_next_{false}, is_holding_{false}, ends_next_{false};
  std::atomic<int> cuts_{0};
  std::vector<Pair> pairs_;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace cadastre::postgresql
