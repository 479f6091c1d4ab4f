// One connection's conversation without its socket: bytes in, requests to the handler, bytes out.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "http/chunked.h"
#include "http/mailbox.h"
#include "http/read_buffer.h"
#include "http/server.h"

namespace cadastre::http {

/// What the conversations of one I/O thread share.
struct ExchangeContext {
  const Limits& limits;
  Handler& handler;
  Counters& counters;
  std::shared_ptr<Mailbox> mailbox;
  unsigned io_thread = 0;
  std::uint64_t last_serial = 0;  ///< Of the tickets given out.
  std::string date_line = {};
  bool stopping = false;  ///< From now on every answer ends its connection.
};

/// Reads requests one after the other, has them answered in their order, and collects the answers of those that come
/// at once into one piece. Whoever owns the socket calls `advance`, sends `output`, then does what `advance` asked for.
class Exchange {
 public:
  enum class Next {
    receive_first,  ///< Needs the first bytes of a request.
    receive_head,   ///< Needs more of a head.
    receive_body,   ///< Needs more of a body.
    answer,         ///< Waits for `deliver`.
    send,           ///< Has a full output; call again once it is sent.
    close,          ///< Is over; nothing more is read.
  };

  Exchange(ExchangeContext& context, std::string peer, std::uint32_t slot)
      : context_(context), peer_(std::move(peer)), slot_(slot) {}

  /// What the handshake found, as `Request` has it; to be called before `advance`.
  void set_client_certificate(bool has_one) { has_client_certificate_ = has_one; }

  /// Goes on until something has to come from outside.
  Next advance();
  /// Whether it is that answer which `advance` waits for.
  bool awaits(const Ticket& ticket) const { return phase_ == Phase::waiting && ticket.serial == awaited_; }
  void deliver(Mailbox::Letter letter) { settle(std::move(letter)); }
  /// How many requests have been handed to the handler.
  std::uint64_t requests() const { return requests_; }
  /// Ends the conversation with the refusal; to be called between `advance` and `advance`.
  void refuse(const Refusal& refusal);

  ReadBuffer& input() { return input_; }
  bool has_output() const { return !head_.empty() || tail_; }
  /// The output, in two pieces of which one may be empty. Valid until `sent` or `advance`.
  std::pair<std::string_view, std::string_view> output() const;
  void sent(std::size_t bytes);

 private:
  enum class Phase { head, body, ready, waiting, closing };
  bool take_head();
  bool take_body();
  void begin(Head head);
  void dispatch();
  void settle(Mailbox::Letter letter);
  void add(Response response);

  ExchangeContext& context_;
  std::string peer_;
  std::uint32_t slot_;
  bool has_client_certificate_ = false;
  Phase phase_ = Phase::head;
  ReadBuffer input_;
  std::size_t searched_ = 0;  ///< How much of the input holds no head's end.
  bool blank_line_skipped_ = false;

  Request request_;        ///< Being received; its head is good in the phases `body` and `ready`.
  Framing framing_;        ///< Of the request being received or answered.
  bool bodiless_ = false;  ///< The request is a HEAD.
  std::optional<ChunkedDecoder> decoder_;
  std::uint64_t requests_ = 0;
  std::uint64_t awaited_ = 0;  ///< The serial of the request being answered.

  std::string head_;                         ///< Output, and within it the short bodies.
  std::shared_ptr<const std::string> tail_;  ///< A long body that follows it.
  std::size_t sent_ = 0;                     ///< Of both together.
};

}  // namespace cadastre::http
