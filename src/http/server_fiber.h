// The server's coroutines: one that runs on its own, and an operation of Asio as something to `co_await`.
#pragma once

#include <coroutine>
#include <exception>
#include <utility>

#include <boost/system/error_code.hpp>

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

}  // namespace cadastre::http
