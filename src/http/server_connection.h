// One connection of the server: a socket, its conversation and its time limit.
#pragma once

#include <chrono>
#include <coroutine>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>

#include "http/exchange.h"
#include "http/server_stream.h"

namespace cadastre::http {

/// What the connections of one I/O thread share.
struct ConnectionContext {
  ExchangeContext exchange;
  Tick now = {};                             ///< Of the last sweep.
  std::function<void(std::uint32_t)> ended;  ///< Destroys the connection of that slot.
};

/// A socket with its conversation and its deadline.
class Connection {
 public:
  Connection(ConnectionContext& context, boost::asio::io_context& io, std::uint32_t slot, const std::string& peer)
      : context_(context), slot_(slot), peer_(peer), stream_(io), exchange_(context.exchange, peer, slot) {}

  const std::string& peer() const { return peer_; }
  boost::system::error_code open(Descriptor descriptor, bool is_v6, const TlsIdentity* identity) {
    return stream_.open(std::move(descriptor), is_v6, identity);
  }
  /// Runs until the connection is over, and then destroys it.
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
    const bool rests = awaits_ == Awaits::first_byte && !stream_.has_unread();
    if (rests || awaits_ == Awaits::handshake) end(Ending::expired);
  }
  void cut_off() {
    end(Ending::cut_off);
    if (waiting_) std::exchange(waiting_, nullptr).resume();
  }

 private:
  enum class Awaits { nothing, handshake, first_byte, head, body, answer, writable, peer_close };
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
    deadline_ = context_.now + limit + limits().sweep;  // `now` may be one sweep old
  }
  /// The same for what the conversation needs next; the limits of a head and of a body run on while parts arrive.
  void await_more(Exchange::Next next);
  void end(Ending ending) {
    ending_ = ending;
    deadline_ = Tick::max();
    stream_.cancel();
  }
  /// After the handshake: whether requests may come.
  bool is_secured_by(const Outcome& handshake);
  /// After a read: whether the conversation goes on, if only to say that the request took too long.
  bool goes_on_after(const Outcome& received);

  const Limits& limits() const { return context_.exchange.limits; }

  ConnectionContext& context_;
  std::uint32_t slot_;
  std::string peer_;
  Stream stream_;
  Exchange exchange_;
  Awaits awaits_ = Awaits::nothing;
  Ending ending_ = Ending::none;
  Tick deadline_ = Tick::max();
  std::uint64_t timed_request_ = 0;  ///< Which request of this connection the deadline is for.
  std::coroutine_handle<> waiting_;  ///< For an answer.
  Mailbox::Letter* letter_ = nullptr;
};

}  // namespace cadastre::http
