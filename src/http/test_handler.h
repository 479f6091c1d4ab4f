// A handler for the engine's own tests: says back what it understood.
#pragma once

#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

#include "http/server.h"

namespace cadastre::http {

/// `/later` is answered by `answer_held`, `/large` with 4 MB, `/certified` with whether the client is, `/drop` never,
/// `/throw` with an exception; everything else at once with method, target and body.
class TestHandler final : public Handler {
 public:
  void handle(Request request, Responder responder, unsigned) override {
    if (request.path() == "/throw") throw std::runtime_error("a failure of the test");
    if (request.path() == "/drop") return;
    if (request.path() == "/certified") return responder.send({.body = request.has_client_certificate ? "yes" : "no"});
    if (request.path() == "/large") return responder.send({.body = std::string(4'000'000, 'x')});
    Response response{.content_type = "text/plain"};
    response.body.append(request.method()).append(" ").append(request.target()).append(" ").append(request.body);
    if (request.path() != "/later") return responder.send(std::move(response));
    const std::lock_guard lock(mutex_);
    held_.emplace_back(std::move(responder), std::move(response));
    changed_.notify_all();
  }

  Response refuse(const Refusal& refusal, const Head* request) override {
    Response response{.status = status_of(refusal.code), .content_type = "text/plain"};
    response.body = std::string(request ? request->path() : "-") + " " + refusal.detail;
    return response;
  }

  /// Waits until `count` requests for `/later` are here and answers them, last come first.
  void answer_held(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return held_.size() >= count; });
    while (!held_.empty()) {
      held_.back().first.send(std::move(held_.back().second));
      held_.pop_back();
    }
  }
  /// Whether that many requests for `/later` are here.
  bool holds(std::size_t count) {
    const std::lock_guard lock(mutex_);
    return held_.size() >= count;
  }

 private:
  static int status_of(Code code) {
    switch (code) {
      case Code::request_timeout: return 408;
      case Code::content_too_large: return 413;
      case Code::headers_too_large: return 431;
      case Code::internal: return 500;
      case Code::not_implemented: return 501;
      case Code::overloaded: return 503;
      case Code::http_version_unsupported: return 505;
      default: return 400;
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::pair<Responder, Response>> held_;
};

}  // namespace cadastre::http
