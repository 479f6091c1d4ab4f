#include "http/server_worker.h"

#include <sys/socket.h>

namespace cadastre::http {

namespace {

constexpr int accept_batch_max = 64;  // then the connections already open have their turn

}  // namespace

Worker::Worker(WorkerGroup& group, unsigned io_thread)
    : group_(group),
      context_{.exchange = {.limits = group.limits,
                            .handler = group.handler,
                            .counters = group.counters,
                            .mailbox = std::make_shared<Mailbox>([this] { post([this] { deliver_answers(); }); }),
                            .io_thread = io_thread},
               .ended = [this](std::uint32_t slot) { remove(slot); }} {}

Worker::~Worker() { context_.exchange.mailbox->close(); }

void Worker::listen(Descriptor socket, bool is_v6) {
  auto& acceptor = listeners_.emplace_back(io_).acceptor;
  acceptor.assign(is_v6 ? boost::asio::ip::tcp::v6() : boost::asio::ip::tcp::v4(), socket.number());
  socket.release();
}

void Worker::run() {
  context_.exchange.mailbox->own();
  for (std::size_t i = 0; i < listeners_.size(); ++i) accept_from(i);
  sweep();
  io_.run();
}

Fiber Worker::accept_from(std::size_t index) {
  auto& [acceptor, pause] = listeners_[index];
  for (;;) {
    const Outcome ready =
        co_await Operation([&acceptor](auto done) { acceptor.async_wait(Acceptor::wait_read, std::move(done)); });
    if (ready.error) co_return;
    if (accept_waiting(acceptor)) continue;
    pause.expires_after(group_.limits.sweep);
    co_await Operation([&pause](auto done) { pause.async_wait(std::move(done)); });
    if (context_.exchange.stopping) co_return;
  }
}

/// Accepts what waits. False when the system lacks something, so that trying again at once would not help.
bool Worker::accept_waiting(Acceptor& acceptor) {
  for (int left = accept_batch_max; left > 0; --left) {
    auto arrival = accept_next(acceptor.native_handle());
    if (arrival) {
      place(*std::move(arrival));
    } else if (arrival.error() == NoArrival::none_waits) {
      return true;
    } else if (arrival.error() == NoArrival::exhausted) {
      group_.counters.accept_failures.fetch_add(1, std::memory_order_relaxed);
      return false;
    }
  }
  return true;
}

/// Gives the connection to the thread that has the fewest: SO_REUSEPORT spreads by hash, unevenly when there are few.
void Worker::place(Arrival arrival) {
  if (!group_.admission.enter(arrival.peer)) return turn_away(arrival.descriptor);
  group_.counters.connections_accepted.fetch_add(1, std::memory_order_relaxed);
  group_.counters.connections_open.fetch_add(1, std::memory_order_relaxed);
  Worker* least = this;
  for (const auto& other : group_.workers) {
    if (other->load.load(std::memory_order_relaxed) < least->load.load(std::memory_order_relaxed)) least = other.get();
  }
  least->load.fetch_add(1, std::memory_order_relaxed);
  if (least == this) return adopt(std::move(arrival));
  least->post([least, moved = std::move(arrival)]() mutable { least->adopt(std::move(moved)); });
}

void Worker::turn_away(const Descriptor& descriptor) {
  group_.counters.connections_refused.fetch_add(1, std::memory_order_relaxed);
  if (group_.tls != nullptr) return;  // a handshake for a refusal would cost more than the connection
  const Response response = group_.handler.refuse(
      {.code = Code::overloaded, .subject = "connections", .detail = "too many connections", .retry_after_s = 1},
      nullptr);
  std::string bytes;
  append_head(bytes, response, {.date_line = context_.exchange.date_line, .keep_alive = false});
  bytes += response.content();
  ::send(descriptor.number(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  ::shutdown(descriptor.number(), SHUT_WR);
}

void Worker::adopt(Arrival arrival) {
  if (free_slots_.empty()) {
    free_slots_.push_back(static_cast<std::uint32_t>(slots_.size()));
    slots_.emplace_back();
  }
  const std::uint32_t slot = free_slots_.back();
  free_slots_.pop_back();
  slots_[slot] = std::make_unique<Connection>(context_, io_, slot, arrival.peer);
  if (slots_[slot]->open(std::move(arrival.descriptor), arrival.is_v6, group_.tls)) return remove(slot);
  slots_[slot]->serve();
  if (context_.exchange.stopping && slots_[slot]) slots_[slot]->close_if_idle();
}

void Worker::remove(std::uint32_t slot) {
  group_.admission.leave(slots_[slot]->peer());
  slots_[slot].reset();
  free_slots_.push_back(slot);
  group_.counters.connections_open.fetch_sub(1, std::memory_order_relaxed);
  load.fetch_sub(1, std::memory_order_relaxed);
  end_if_idle();
}

Fiber Worker::sweep() {
  read_clock();
  while (!(context_.exchange.stopping && load.load(std::memory_order_relaxed) == 0)) {
    sweep_timer_.expires_after(group_.limits.sweep);
    co_await Operation([this](auto done) { sweep_timer_.async_wait(std::move(done)); });
    read_clock();
    for (const auto& connection : slots_) {
      if (connection) connection->check_deadline();
    }
  }
}

void Worker::read_clock() {
  context_.now = group_.clock.tick();
  context_.exchange.date_line = date_line(group_.clock.now());
}

void Worker::deliver_answers() {
  context_.exchange.mailbox->take(letters_);
  for (auto& letter : letters_) {
    const auto& connection = slots_[letter.ticket.slot];
    if (connection) connection->deliver(letter);
  }
  for (const auto& task : context_.exchange.mailbox->take_tasks()) task();
}

void Worker::begin_stop() {
  context_.exchange.stopping = true;
  for (auto& [acceptor, pause] : listeners_) {
    accept_waiting(acceptor);  // for those clients the connection stands already
    boost::system::error_code ignored;
    ignored = acceptor.close(ignored);
    pause.cancel();
  }
  for (std::size_t slot = 0; slot < slots_.size(); ++slot) {
    if (slots_[slot]) slots_[slot]->close_if_idle();
  }
  end_if_idle();
}

void Worker::cut_off() {
  for (std::size_t slot = 0; slot < slots_.size(); ++slot) {
    if (slots_[slot]) slots_[slot]->cut_off();
  }
}

/// Lets `run` return once a stop has begun and the last connection is gone.
void Worker::end_if_idle() {
  if (context_.exchange.stopping && load.load(std::memory_order_relaxed) == 0) sweep_timer_.cancel();
}

}  // namespace cadastre::http
