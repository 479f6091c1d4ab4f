#include "http/exchange.h"

#include <algorithm>
#include <exception>

namespace cadastre::http {

namespace {

constexpr std::size_t output_bytes_max = 64 * 1024;       // then it is sent before the next request is looked at
constexpr std::size_t output_bytes_kept = 16 * 1024;      // by a connection at rest
constexpr std::size_t copied_body_bytes_max = 16 * 1024;  // copying less is cheaper than a second buffer

}  // namespace

Exchange::Next Exchange::advance() {
  for (;;) {
    if (tail_ || head_.size() >= output_bytes_max) return Next::send;
    switch (phase_) {
      case Phase::head:
        if (!take_head()) return input_.empty() ? Next::receive_first : Next::receive_head;
        break;
      case Phase::body:
        if (!take_body()) return Next::receive_body;
        break;
      case Phase::ready: dispatch(); break;
      case Phase::waiting: return Next::answer;
      case Phase::closing: return Next::close;
    }
  }
}

/// False when more bytes are needed; after a refusal, true in the phase `closing`.
bool Exchange::take_head() {
  // RFC 9112 section 2.2: one empty line before a request is to be ignored.
  if (!blank_line_skipped_ && input_.unread().starts_with("\r\n")) {
    input_.consume(2);
    blank_line_skipped_ = true;
    searched_ = 0;
  }
  const std::string_view bytes = input_.unread();
  const auto end = find_head_end(bytes, searched_);
  if (end.value_or(bytes.size()) > context_.limits.head_bytes_max) {
    refuse({Code::headers_too_large, "head", "the request line and fields are larger than the server takes"});
    return true;
  }
  searched_ = bytes.size();
  if (!end) return false;
  searched_ = 0;
  blank_line_skipped_ = false;
  auto head = parse_head(bytes.substr(0, *end));
  if (!head) {
    refuse(head.error());
    return true;
  }
  input_.consume(*end);
  begin(*std::move(head));
  return true;
}

void Exchange::begin(Head head) {
  framing_ = head.framing();
  bodiless_ = head.is_head_request();
  static_cast<Head&>(request_) = std::move(head);
  request_.body.clear();
  request_.peer = peer_;
  request_.has_client_certificate = has_client_certificate_;
  phase_ = framing_.chunked || framing_.content_length > 0 ? Phase::body : Phase::ready;
  const std::size_t body_bytes_max = context_.limits.body_bytes_max;
  if (framing_.chunked) decoder_.emplace(body_bytes_max);
  if (framing_.content_length > body_bytes_max) {
    refuse({Code::content_too_large, "body", "the body is larger than the server takes"});
  }
}

/// As `take_head`.
bool Exchange::take_body() {
  const std::string_view bytes = input_.unread();
  bool complete = false;
  if (framing_.chunked) {
    const auto taken = decoder_->take(bytes, request_.body);
    if (!taken) {
      refuse(taken.error());
      return true;
    }
    input_.consume(*taken);
    complete = decoder_->done();
  } else {
    const std::size_t missing = framing_.content_length - request_.body.size();
    request_.body.append(bytes.substr(0, missing));
    input_.consume(std::min(bytes.size(), missing));
    complete = bytes.size() >= missing;
  }
  if (complete) {
    phase_ = Phase::ready;
  } else if (std::exchange(framing_.expects_continue, false)) {
    head_ += "HTTP/1.1 100 Continue\r\n\r\n";
  }
  return complete;
}

void Exchange::dispatch() {
  const Ticket ticket{slot_, ++context_.last_serial};
  context_.mailbox->expect(ticket);
  phase_ = Phase::waiting;
  awaited_ = ticket.serial;
  ++requests_;
  try {
    context_.handler.handle(std::move(request_), Responder(context_.mailbox, ticket), context_.io_thread);
  } catch (const std::exception&) {
    // The Responder's end has told the mailbox, unless the request was answered before the failure.
    context_.counters.failures.fetch_add(1, std::memory_order_relaxed);
  }
  if (auto letter = context_.mailbox->collect()) settle(*std::move(letter));
}

void Exchange::settle(Mailbox::Letter letter) {
  phase_ = Phase::head;
  if (letter.response) {
    add(*std::move(letter.response));
  } else {
    add(context_.handler.refuse({Code::internal, "", "the request was not answered"}, nullptr));
  }
}

void Exchange::refuse(const Refusal& refusal) {
  context_.counters.refused[static_cast<std::size_t>(refusal.code)].fetch_add(1, std::memory_order_relaxed);
  const bool head_is_good = phase_ == Phase::body || phase_ == Phase::ready;
  if (!head_is_good) {
    framing_ = {};
    bodiless_ = false;
  }
  Response response = context_.handler.refuse(refusal, head_is_good ? &request_ : nullptr);
  response.close = true;
  add(std::move(response));
}

void Exchange::add(Response response) {
  const bool close = response.close || !framing_.keep_alive || context_.stopping;
  if (close) phase_ = Phase::closing;
  append_head(head_, response, {context_.date_line, framing_.http_1_0, !close});
  if (bodiless_ || !has_body(response.status)) return;
  if (response.content().size() <= copied_body_bytes_max) {
    head_ += response.content();
  } else {
    tail_ = response.shared_body ? std::move(response.shared_body)
                                 : std::make_shared<const std::string>(std::move(response.body));
  }
}

std::pair<std::string_view, std::string_view> Exchange::output() const {
  const std::string_view head = std::string_view(head_).substr(std::min(sent_, head_.size()));
  const std::string_view tail = tail_ ? std::string_view(*tail_) : std::string_view();
  return {head, tail.substr(sent_ > head_.size() ? sent_ - head_.size() : 0)};
}

void Exchange::sent(std::size_t bytes) {
  sent_ += bytes;
  if (sent_ < head_.size() + (tail_ ? tail_->size() : 0)) return;
  sent_ = 0;
  tail_.reset();
  head_.clear();
  if (head_.capacity() > output_bytes_kept) head_.shrink_to_fit();
}

}  // namespace cadastre::http
