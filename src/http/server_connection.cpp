#include "http/server_connection.h"

#include <exception>

namespace cadastre::http {

namespace {

constexpr std::size_t linger_bytes_max = 16 * 1024 * 1024;  // of an upload refused half-way

}  // namespace

Fiber Connection::serve() {
  try {
    bool secured = true;  // as far as it is to be
    if (stream_.is_tls()) {
      await_within(Awaits::handshake, limits().handshake);
      Outcome step{boost::asio::error::would_block, 0};
      while (step.error == boost::asio::error::would_block && ending_ == Ending::none)
        step = co_await stream_.handshake();
      secured = is_secured_by(step);
    }
    bool reachable = true;  // the other side may still read
    while (secured && reachable && ending_ != Ending::cut_off) {
      const Exchange::Next next = exchange_.advance();
      while (reachable && ending_ != Ending::cut_off && exchange_.has_output()) {
        Outcome sent = stream_.write_at_once(exchange_.output());
        if (sent.error == boost::asio::error::would_block) {
          await_within(Awaits::writable, limits().write);  // each part that gets through starts it anew
          while (sent.error == boost::asio::error::would_block && ending_ == Ending::none)
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
        const std::span<char> room = exchange_.input().room();
        Outcome received = stream_.read_at_once(room);
        while (received.error == boost::asio::error::would_block && ending_ == Ending::none)
          received = co_await stream_.read(room);
        reachable = goes_on_after(received);
      }
    }
    if (reachable && ending_ != Ending::cut_off) stream_.end_output();
    // RFC 9112 section 9.6: closing with bytes unread would take our last answer from the other side.
    await_within(Awaits::peer_close, limits().linger);
    for (std::size_t drained = 0; reachable && ending_ == Ending::none && drained < linger_bytes_max;) {
      exchange_.input().clear();
      const Outcome received = co_await stream_.read(exchange_.input().room());
      drained += received.bytes;
      reachable = !received.error;
    }
  } catch (const std::exception&) {
    // Out of memory, or a refusal that could not be rendered: this connection ends, the others go on.
    context_.exchange.counters.failures.fetch_add(1, std::memory_order_relaxed);
  }
  context_.ended(slot_);
}

bool Connection::is_secured_by(const Outcome& handshake) {
  exchange_.set_client_certificate(stream_.has_client_certificate());
  if (handshake.error && ending_ == Ending::none)
    context_.exchange.counters.handshake_failures.fetch_add(1, std::memory_order_relaxed);
  return !handshake.error && ending_ == Ending::none;
}

void Connection::await_more(Exchange::Next next) {
  const bool same_request = std::exchange(timed_request_, exchange_.requests()) == exchange_.requests();
  switch (next) {
    case Exchange::Next::receive_first:
      exchange_.input().shrink();
      return await_within(Awaits::first_byte, limits().idle);
    case Exchange::Next::receive_head:
      if (awaits_ != Awaits::head || !same_request) await_within(Awaits::head, limits().head);
      return;
    case Exchange::Next::receive_body:
      if (awaits_ != Awaits::body || !same_request) await_within(Awaits::body, limits().body);
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

bool Connection::goes_on_after(const Outcome& received) {
  exchange_.input().received(received.bytes);
  if (ending_ == Ending::cut_off) return false;
  const bool expired = std::exchange(ending_, Ending::none) == Ending::expired;
  const bool ended = received.error == boost::asio::error::eof;
  if ((!expired && !ended) || awaits_ == Awaits::first_byte) return !received.error;
  if (expired)
    exchange_.refuse({Code::request_timeout, "request", "the request took too long to arrive"});
  else
    exchange_.refuse({Code::malformed, "request", "the connection ended before the request did"});
  return true;
}

void Connection::check_deadline() {
  if (context_.now < deadline_) return;
  context_.exchange.counters.timeouts.fetch_add(1, std::memory_order_relaxed);
  end(Ending::expired);
}

}  // namespace cadastre::http
