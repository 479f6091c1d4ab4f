// One I/O thread of the server.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "http/admission.h"
#include "http/server_connection.h"

namespace cadastre::http {

class Worker;

/// What all threads share.
struct WorkerGroup {
  Limits limits;
  Handler& handler;
  const Clock& clock;
  const TlsIdentity* tls = nullptr;
  Counters counters = {};
  Admission admission{limits.connections_max, limits.connections_per_address_max};
  std::vector<std::unique_ptr<Worker>> workers = {};
};

/// One I/O thread and the connections that live on it. Everything without "from any thread" runs on that thread.
class Worker {
 public:
  Worker(WorkerGroup& group, unsigned io_thread);
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  ~Worker();

  /// Before `run`.
  void listen(Descriptor socket, bool is_v6);
  void run();
  void begin_stop();
  void cut_off();

  /// From any thread.
  template <class Task>
  void post(Task task) {
    boost::asio::post(io_, std::move(task));
  }
  /// From any thread: how many connections live here or are on their way.
  std::atomic<std::size_t> load = 0;

 private:
  using Acceptor = boost::asio::basic_socket_acceptor<boost::asio::ip::tcp, boost::asio::io_context::executor_type>;
  struct Listener {
    explicit Listener(boost::asio::io_context& io) : acceptor(io), pause(io) {}
    Acceptor acceptor;
    boost::asio::steady_timer pause;
  };
  Fiber accept_from(std::size_t index);
  bool accept_waiting(Acceptor& acceptor);
  void place(Arrival arrival);
  void adopt(Arrival arrival);
  void remove(std::uint32_t slot);
  void turn_away(const Descriptor& descriptor);
  Fiber sweep();
  void read_clock();
  void deliver_answers();
  void end_if_idle();

  WorkerGroup& group_;
  ConnectionContext context_;
  boost::asio::io_context io_{BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO};  // sockets are touched by this thread alone
  std::deque<Listener> listeners_;
  boost::asio::steady_timer sweep_timer_{io_};
  std::vector<std::unique_ptr<Connection>> slots_;
  std::vector<std::uint32_t> free_slots_;
  std::vector<Mailbox::Letter> letters_;
};

}  // namespace cadastre::http
