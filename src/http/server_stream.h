// Sockets for the server's coroutines: an operation of Asio as something to `co_await`, and a connection's bytes.
#pragma once

#include <array>
#include <coroutine>
#include <exception>
#include <span>
#include <string_view>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "http/listener.h"

namespace cadastre::http {

/// A coroutine that runs on its own until it ends.
struct Fiber {
  struct promise_type {  // NOLINT(readability-identifier-naming): the language asks for this name
    Fiber get_return_object() { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    [[noreturn]] void unhandled_exception() { std::terminate(); }
  };
};

struct Outcome {
  boost::system::error_code error;
  std::size_t bytes = 0;
};

/// Starts an asynchronous operation of Asio and resumes within its completion.
template <class Start>
class Operation {
 public:
  explicit Operation(Start start) : start_(std::move(start)) {}
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiting) {
    start_([this, waiting](boost::system::error_code error, std::size_t bytes = 0) {
      outcome_ = {error, bytes};
      waiting.resume();
    });
  }
  Outcome await_resume() const { return outcome_; }

 private:
  Start start_;
  Outcome outcome_;
};

/// What carries a connection's bytes; the one place that knows.
class Stream {
 public:
  explicit Stream(boost::asio::io_context& io) : socket_(io) {}

  boost::system::error_code open(Descriptor descriptor, bool is_v6) {
    boost::system::error_code error;
    if (socket_.assign(is_v6 ? boost::asio::ip::tcp::v6() : boost::asio::ip::tcp::v4(), descriptor.number(), error))
      return error;
    descriptor.release();
    if (socket_.non_blocking(true, error)) return error;
    return socket_.set_option(boost::asio::ip::tcp::no_delay(true), error);
  }
  auto read(std::span<char> room) {
    return Operation([this, room](auto done) {
      socket_.async_read_some(boost::asio::buffer(room.data(), room.size()), std::move(done));
    });
  }
  /// Sends what the kernel takes at once.
  Outcome write_at_once(const std::pair<std::string_view, std::string_view>& bytes) {
    Outcome outcome;
    if (bytes.second.empty()) {
      outcome.bytes = socket_.write_some(boost::asio::buffer(bytes.first), outcome.error);
    } else {
      outcome.bytes = socket_.write_some(pieces(bytes), outcome.error);
    }
    return outcome;
  }
  auto write(const std::pair<std::string_view, std::string_view>& bytes) {
    return Operation([this, bytes](auto done) { socket_.async_write_some(pieces(bytes), std::move(done)); });
  }
  bool has_unread() {
    boost::system::error_code error;
    return socket_.available(error) > 0;
  }
  void end_output() {
    boost::system::error_code ignored;
    ignored = socket_.shutdown(boost::asio::ip::tcp::socket::shutdown_send, ignored);
  }
  /// Makes the operation under way fail.
  void cancel() {
    boost::system::error_code ignored;
    ignored = socket_.cancel(ignored);
  }

 private:
  static std::array<boost::asio::const_buffer, 2> pieces(const std::pair<std::string_view, std::string_view>& bytes) {
    return {boost::asio::buffer(bytes.first), boost::asio::buffer(bytes.second)};
  }
  boost::asio::basic_stream_socket<boost::asio::ip::tcp, boost::asio::io_context::executor_type> socket_;
};

}  // namespace cadastre::http
