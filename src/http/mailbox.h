// How answers, and work on the way to them, reach the I/O thread that owns their connection.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "http/message.h"

namespace cadastre::http {

/// Names one request that awaits its answer. Serials are never used twice by one thread, so an answer that comes too
/// late finds nobody.
struct Ticket {
  std::uint32_t slot = 0;
  std::uint64_t serial = 0;
};

/// The answers on their way to one I/O thread. Many that come at once wake it once.
class Mailbox {
 public:
  struct Letter {
    Ticket ticket;
    std::optional<Response> response;  ///< Nothing: whoever held the request let it go unanswered.
  };

  using Task = std::function<void()>;

  /// `wake` makes the I/O thread call `take` and `take_tasks` soon; it is called under a lock and must not block.
  explicit Mailbox(std::function<void()> wake) : wake_(std::move(wake)) {}

  /// From any thread. Drops the letter once the mailbox is closed.
  void put(Letter letter);
  /// Has the I/O thread do something soon. From any thread; dropped once the mailbox is closed.
  void run(Task task);
  /// Exchanges what has come for the emptied vector of an earlier call.
  void take(std::vector<Letter>& letters);
  std::vector<Task> take_tasks();
  /// After this, `wake` is never called again.
  void close();

  /// The calling thread is the I/O thread from now on.
  void own() { owner_ = std::this_thread::get_id(); }
  /// Around a handler's call, on the I/O thread: an answer given inside needs no lock and no wake-up.
  void expect(Ticket ticket) { expected_ = ticket.serial; }
  /// The answer given since `expect`, if there was one.
  std::optional<Letter> collect();

 private:
  std::function<void()> wake_;
  std::mutex mutex_;
  std::vector<Letter> letters_;
  std::vector<Task> tasks_;
  bool closed_ = false;

  std::thread::id owner_;
  std::uint64_t expected_ = 0;  // used by the owner alone, as is the next
  std::optional<Letter> at_once_;
};

}  // namespace cadastre::http
