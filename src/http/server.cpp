#include "http/server.h"

#include <sys/socket.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <stdexcept>
#include <thread>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "http/admission.h"
#include "http/exchange.h"
#include "http/listener.h"
#include "http/server_stream.h"

namespace cadastre::http {

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using Acceptor = asio::basic_socket_acceptor<tcp, asio::io_context::executor_type>;

constexpr int accept_batch_max = 64;                        // then the connections already open have their turn
constexpr std::size_t linger_bytes_max = 16 * 1024 * 1024;  // of an upload refused half-way

}  // namespace

/// One I/O thread and the connections that live on it. Everything without "from any thread" runs on that thread.
class Server::Worker {
 public:
  Worker(Shared& shared, unsigned index);
  ~Worker();

  /// Before `run`.
  void listen(Descriptor socket, bool is_v6);
  void run();
  void begin_stop();
  void cut_off();
  void remove(std::uint32_t slot);

  /// From any thread.
  template <class Task>
  void post(Task task) {
    asio::post(io_, std::move(task));
  }
  /// From any thread: how many connections live here or are on their way.
  std::atomic<std::size_t> load = 0;

  ExchangeContext context;
  Tick now;
  const Limits& limits;

 private:
  class Connection;
  struct Listener {
    explicit Listener(asio::io_context& io) : acceptor(io), pause(io) {}
    Acceptor acceptor;
    asio::steady_timer pause;
  };
  Fiber accept_from(std::size_t index);
  bool accept_waiting(Acceptor& acceptor);
  void place(Arrival arrival);
  void adopt(Arrival arrival);
  void turn_away(const Descriptor& descriptor);
  Fiber sweep();
  void read_clock();
  void deliver_answers();
  void end_if_idle();

  Shared& shared_;
  asio::io_context io_{BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO};  // sockets are touched by this thread alone
  std::deque<Listener> listeners_;
  asio::steady_timer sweep_timer_{io_};
  std::vector<std::unique_ptr<Connection>> slots_;
  std::vector<std::uint32_t> free_slots_;
  std::vector<Mailbox::Letter> letters_;
};

struct Server::Shared {
  Shared(const Settings& settings, Handler& called, const Clock& time)
      : limits(settings.limits),
        handler(called),
        clock(time),
        admission(limits.connections_max, limits.connections_per_address_max) {}

  Limits limits;
  Handler& handler;
  const Clock& clock;
  Counters counters;
  Admission admission;
  std::vector<std::uint16_t> ports;
  std::vector<std::unique_ptr<Worker>> workers;
  std::vector<std::thread> threads;
  std::mutex mutex;
  std::condition_variable ended;
  std::size_t running = 0;  ///< Threads; guarded by the mutex.
};

/// A socket with its conversation and its deadline.
class Server::Worker::Connection {
 public:
  Connection(Worker& worker, asio::io_context& io, std::uint32_t slot, std::string peer)
      : worker_(worker), stream_(io), slot_(slot), peer(peer), exchange_(worker.context, std::move(peer), slot) {}

  error_code open(Descriptor descriptor, bool is_v6) { return stream_.open(std::move(descriptor), is_v6); }
  /// Runs until the connection ends and takes it out of the worker.
  Fiber serve();
  /// Ends what takes longer than its limit.
  void check_deadline();
  void deliver(Mailbox::Letter& letter) {
    if (!exchange_.awaits(letter.ticket)) return;
    letter_ = &letter;
    std::exchange(waiting_, nullptr).resume();
  }
  /// Ends the connection unless a request has begun.
  void close_if_idle() {
    if (awaits_ == Awaits::first_byte && !stream_.has_unread()) end(Ending::expired);
  }
  void cut_off() {
    end(Ending::cut_off);
    if (waiting_) std::exchange(waiting_, nullptr).resume();
  }

 private:
  enum class Awaits { nothing, first_byte, head, body, answer, writable, peer_close };
  enum class Ending { none, expired, cut_off };

  /// Suspends until `deliver`, which brings the letter, or `cut_off`, which brings none.
  struct Answer {
    Connection& connection;
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> waiting) { connection.waiting_ = waiting; }
    Mailbox::Letter* await_resume() const { return std::exchange(connection.letter_, nullptr); }
  };

  /// Starts the time limit of what is awaited.
  void await_within(Awaits what, std::chrono::milliseconds limit) {
    awaits_ = what;
    deadline_ = worker_.now + limit + worker_.limits.sweep;  // `now` may be one sweep old
  }
  void await_more(Exchange::Next next);
  void end(Ending ending) {
    ending_ = ending;
    deadline_ = Tick::max();
    stream_.cancel();
  }
  /// After a read: whether the conversation goes on, if only to say that the request took too long.
  bool goes_on_after(const Outcome& received);

  Worker& worker_;
  Stream stream_;
  std::uint32_t slot_;
  Awaits awaits_ = Awaits::nothing;
  Ending ending_ = Ending::none;
  Tick deadline_ = Tick::max();
  std::uint64_t timed_request_ = 0;  ///< Which request of this connection the deadline is for.
  std::coroutine_handle<> waiting_;  ///< For an answer.
  Mailbox::Letter* letter_ = nullptr;

 public:
  const std::string peer;

 private:
  Exchange exchange_;
};

Fiber Server::Worker::Connection::serve() {
  try {
    bool reachable = true;  // the other side may still read
    while (reachable && ending_ != Ending::cut_off) {
      const Exchange::Next next = exchange_.advance();
      while (reachable && ending_ != Ending::cut_off && exchange_.has_output()) {
        Outcome sent = stream_.write_at_once(exchange_.output());
        if (sent.error == asio::error::would_block) {
          await_within(Awaits::writable, worker_.limits.write);  // each part that gets through starts it anew
          sent = co_await stream_.write(exchange_.output());
        }
        reachable = !sent.error;
        exchange_.sent(sent.bytes);
      }
      if (!reachable || ending_ == Ending::cut_off || next == Exchange::Next::close) break;
      if (next == Exchange::Next::send) continue;
      await_more(next);
      if (next == Exchange::Next::answer) {
        Mailbox::Letter* const letter = co_await Answer{*this};
        if (letter) exchange_.deliver(std::move(*letter));
      } else {
        const Outcome received = co_await stream_.read(exchange_.input().room());
        reachable = goes_on_after(received);
      }
    }
    if (reachable && ending_ != Ending::cut_off) stream_.end_output();
    // RFC 9112 section 9.6: closing with bytes unread would take our last answer from the other side.
    await_within(Awaits::peer_close, worker_.limits.linger);
    for (std::size_t drained = 0; reachable && ending_ == Ending::none && drained < linger_bytes_max;) {
      exchange_.input().clear();
      const Outcome received = co_await stream_.read(exchange_.input().room());
      drained += received.bytes;
      reachable = !received.error;
    }
  } catch (const std::exception&) {
    // Out of memory, or a refusal that could not be rendered: this connection ends, the others go on.
    worker_.context.counters.failures.fetch_add(1, std::memory_order_relaxed);
  }
  worker_.remove(slot_);
}

void Server::Worker::Connection::await_more(Exchange::Next next) {
  const Limits& within = worker_.limits;
  const bool same_request = std::exchange(timed_request_, exchange_.requests()) == exchange_.requests();
  switch (next) {
    case Exchange::Next::receive_first:
      exchange_.input().shrink();
      return await_within(Awaits::first_byte, within.idle);
    case Exchange::Next::receive_head:
      if (awaits_ != Awaits::head || !same_request) await_within(Awaits::head, within.head);
      return;
    case Exchange::Next::receive_body:
      if (awaits_ != Awaits::body || !same_request) await_within(Awaits::body, within.body);
      return;
    case Exchange::Next::answer:
      awaits_ = Awaits::answer;
      deadline_ = Tick::max();  // whoever holds the request has limits of its own
      return;
    case Exchange::Next::send:
    case Exchange::Next::close: break;
  }
  std::unreachable();
}

bool Server::Worker::Connection::goes_on_after(const Outcome& received) {
  exchange_.input().received(received.bytes);
  if (ending_ == Ending::cut_off) return false;
  const bool expired = std::exchange(ending_, Ending::none) == Ending::expired;
  if (!expired || awaits_ == Awaits::first_byte) return !received.error;
  exchange_.refuse({Code::request_timeout, "request", "the request took too long to arrive"});
  return true;
}

void Server::Worker::Connection::check_deadline() {
  if (worker_.now < deadline_) return;
  worker_.context.counters.timeouts.fetch_add(1, std::memory_order_relaxed);
  end(Ending::expired);
}

Server::Worker::Worker(Shared& shared, unsigned index)
    : context{.limits = shared.limits,
              .handler = shared.handler,
              .counters = shared.counters,
              .mailbox = nullptr,
              .io_thread = index},
      limits(shared.limits),
      shared_(shared) {
  context.mailbox = std::make_shared<Mailbox>([this] { post([this] { deliver_answers(); }); });
}

Server::Worker::~Worker() { context.mailbox->close(); }

void Server::Worker::listen(Descriptor socket, bool is_v6) {
  auto& acceptor = listeners_.emplace_back(io_).acceptor;
  acceptor.assign(is_v6 ? tcp::v6() : tcp::v4(), socket.number());
  socket.release();
}

void Server::Worker::run() {
  context.mailbox->own();
  for (std::size_t i = 0; i < listeners_.size(); ++i) accept_from(i);
  sweep();
  io_.run();
}

Fiber Server::Worker::accept_from(std::size_t index) {
  auto& [acceptor, pause] = listeners_[index];
  for (;;) {
    const Outcome ready =
        co_await Operation([&acceptor](auto done) { acceptor.async_wait(Acceptor::wait_read, std::move(done)); });
    if (ready.error) co_return;
    if (accept_waiting(acceptor)) continue;
    pause.expires_after(limits.sweep);
    co_await Operation([&pause](auto done) { pause.async_wait(std::move(done)); });
    if (context.stopping) co_return;
  }
}

/// Accepts what waits. False when the system lacks something, so that trying again at once would not help.
bool Server::Worker::accept_waiting(Acceptor& acceptor) {
  for (int left = accept_batch_max; left > 0; --left) {
    auto arrival = accept_next(acceptor.native_handle());
    if (arrival) {
      place(*std::move(arrival));
    } else if (arrival.error() == NoArrival::none_waits) {
      return true;
    } else if (arrival.error() == NoArrival::exhausted) {
      context.counters.accept_failures.fetch_add(1, std::memory_order_relaxed);
      return false;
    }
  }
  return true;
}

/// Gives the connection to the thread that has the fewest: SO_REUSEPORT spreads by hash, unevenly when there are few.
void Server::Worker::place(Arrival arrival) {
  if (!shared_.admission.enter(arrival.peer)) return turn_away(arrival.descriptor);
  context.counters.connections_accepted.fetch_add(1, std::memory_order_relaxed);
  context.counters.connections_open.fetch_add(1, std::memory_order_relaxed);
  Worker* least = this;
  for (const auto& other : shared_.workers) {
    if (other->load.load(std::memory_order_relaxed) < least->load.load(std::memory_order_relaxed)) least = other.get();
  }
  least->load.fetch_add(1, std::memory_order_relaxed);
  if (least == this) return adopt(std::move(arrival));
  least->post([least, moved = std::move(arrival)]() mutable { least->adopt(std::move(moved)); });
}

void Server::Worker::turn_away(const Descriptor& descriptor) {
  context.counters.connections_refused.fetch_add(1, std::memory_order_relaxed);
  const Response response = shared_.handler.refuse(
      {.code = Code::overloaded, .subject = "connections", .detail = "too many connections", .retry_after_s = 1},
      nullptr);
  std::string bytes;
  append_head(bytes, response, {.date_line = context.date_line, .keep_alive = false});
  bytes += response.content();
  ::send(descriptor.number(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  ::shutdown(descriptor.number(), SHUT_WR);
}

void Server::Worker::adopt(Arrival arrival) {
  if (free_slots_.empty()) {
    free_slots_.push_back(static_cast<std::uint32_t>(slots_.size()));
    slots_.emplace_back();
  }
  const std::uint32_t slot = free_slots_.back();
  free_slots_.pop_back();
  slots_[slot] = std::make_unique<Connection>(*this, io_, slot, std::move(arrival.peer));
  if (slots_[slot]->open(std::move(arrival.descriptor), arrival.is_v6)) return remove(slot);
  slots_[slot]->serve();
  if (context.stopping && slots_[slot]) slots_[slot]->close_if_idle();
}

void Server::Worker::remove(std::uint32_t slot) {
  shared_.admission.leave(slots_[slot]->peer);
  slots_[slot].reset();
  free_slots_.push_back(slot);
  context.counters.connections_open.fetch_sub(1, std::memory_order_relaxed);
  load.fetch_sub(1, std::memory_order_relaxed);
  end_if_idle();
}

Fiber Server::Worker::sweep() {
  read_clock();
  while (!(context.stopping && load.load(std::memory_order_relaxed) == 0)) {
    sweep_timer_.expires_after(limits.sweep);
    co_await Operation([this](auto done) { sweep_timer_.async_wait(std::move(done)); });
    read_clock();
    for (const auto& connection : slots_) {
      if (connection) connection->check_deadline();
    }
  }
}

void Server::Worker::read_clock() {
  now = shared_.clock.tick();
  context.date_line = date_line(shared_.clock.now());
}

void Server::Worker::deliver_answers() {
  context.mailbox->take(letters_);
  for (auto& letter : letters_) {
    const auto& connection = slots_[letter.ticket.slot];
    if (connection) connection->deliver(letter);
  }
}

void Server::Worker::begin_stop() {
  context.stopping = true;
  for (auto& [acceptor, pause] : listeners_) {
    accept_waiting(acceptor);  // for those clients the connection stands already
    error_code ignored;
    ignored = acceptor.close(ignored);
    pause.cancel();
  }
  for (std::size_t slot = 0; slot < slots_.size(); ++slot) {
    if (slots_[slot]) slots_[slot]->close_if_idle();
  }
  end_if_idle();
}

void Server::Worker::cut_off() {
  for (std::size_t slot = 0; slot < slots_.size(); ++slot) {
    if (slots_[slot]) slots_[slot]->cut_off();
  }
}

/// Lets `run` return once a stop has begun and the last connection is gone.
void Server::Worker::end_if_idle() {
  if (context.stopping && load.load(std::memory_order_relaxed) == 0) sweep_timer_.cancel();
}

Server::Server(const Settings& settings, Handler& handler, const Clock& clock)
    : shared_(std::make_unique<Shared>(settings, handler, clock)) {
  CHECK_INVARIANT(settings.limits.head_bytes_max <= head_bytes_possible);
  const unsigned count = settings.threads > 0 ? settings.threads : std::max(1U, std::thread::hardware_concurrency());
  for (unsigned i = 0; i < count; ++i) shared_->workers.push_back(std::make_unique<Worker>(*shared_, i));
  for (const std::string& text : settings.listen) {
    ListenAddress address = parse_listen_address(text);
    expect_free(address);
    for (const auto& worker : shared_->workers) {
      Descriptor socket = listen_on(address);
      address.port = port_of(socket);  // from here on the one that the system chose
      worker->listen(std::move(socket), address.is_v6);
    }
    shared_->ports.push_back(address.port);
  }
}

Server::~Server() { stop(std::chrono::milliseconds(0)); }

void Server::start() {
  shared_->running = shared_->workers.size();
  for (const auto& worker : shared_->workers) {
    shared_->threads.emplace_back([this, &worker = *worker] {
      worker.run();
      const std::lock_guard lock(shared_->mutex);
      --shared_->running;
      shared_->ended.notify_all();
    });
  }
}

bool Server::stop(std::chrono::milliseconds patience) {
  if (shared_->threads.empty()) return true;
  for (const auto& worker : shared_->workers) worker->post([&worker = *worker] { worker.begin_stop(); });
  std::unique_lock lock(shared_->mutex);
  const bool in_time = shared_->ended.wait_for(lock, patience, [this] { return shared_->running == 0; });
  lock.unlock();
  if (!in_time) {
    for (const auto& worker : shared_->workers) worker->post([&worker = *worker] { worker.cut_off(); });
  }
  for (auto& thread : shared_->threads) thread.join();
  shared_->threads.clear();
  return in_time;
}

std::vector<std::uint16_t> Server::ports() const { return shared_->ports; }
unsigned Server::threads() const { return static_cast<unsigned>(shared_->workers.size()); }
const Counters& Server::counters() const { return shared_->counters; }

}  // namespace cadastre::http
