#include "store/sqlite/checkpointer.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>

#include "base/invariant.h"

namespace cadastre::sqlite {
namespace {

/// A log this many times its due length is kept by a slow disk or by readers, and then they are waited for: the disk
/// until it is done, since the log would grow without a bound, the readers briefly.
constexpr int lengths_patient = 4;
constexpr int readers_awaited_ms = 20;

/// Lets a checkpoint return before its pages are on the disk. Back to FULL at the end of the scope, whatever happens.
class WithoutSync {
 public:
  explicit WithoutSync(const Connection& writer) : writer_(writer) { writer_.execute("PRAGMA synchronous=OFF"); }
  WithoutSync(const WithoutSync&) = delete;
  WithoutSync& operator=(const WithoutSync&) = delete;
  ~WithoutSync() {
    constexpr std::int64_t full = 2;
    sqlite3_exec(writer_.handle(), "PRAGMA synchronous=FULL", nullptr, nullptr, nullptr);
    CHECK_INVARIANT(writer_.integer("PRAGMA synchronous") == full);
  }

 private:
  const Connection& writer_;
};

}  // namespace

Checkpointer::Checkpointer(Connection& writer, const std::filesystem::path& file, int frames_max)
    : writer_(writer),
      brake_(Connection::open_reader(file, {.cache_kib = 64, .mmap_bytes = 0})),
      hold_(brake_, "SELECT name FROM setting LIMIT 1"),
      descriptor_(::open(file.c_str(), O_RDONLY | O_CLOEXEC)),
      frames_max_(frames_max) {
  if (descriptor_ < 0) throw StoreFailure("cannot open " + file.string() + ": " + std::strerror(errno));
  const auto note_frames = [](void* checkpointer, sqlite3*, const char*, int frames) {
    auto& self = *static_cast<Checkpointer*>(checkpointer);
    if (frames < self.frames_) self.copied_ = 0;  // the log was started anew
    self.frames_ = frames;
    return SQLITE_OK;
  };
  sqlite3_wal_hook(writer.handle(), note_frames, this);
}

Checkpointer::~Checkpointer() {
  if (syncing_.valid()) syncing_.wait();
  sqlite3_wal_hook(writer_.handle(), nullptr, nullptr);
  ::close(descriptor_);
}

void Checkpointer::step() {
  const bool is_too_long = frames_ > lengths_patient * frames_max_;
  const auto is_synced = [&] { return syncing_.wait_for(std::chrono::seconds(0)) == std::future_status::ready; };
  if (syncing_.valid() && (is_too_long || is_synced())) end();
  if (!syncing_.valid() && frames_ - copied_ >= frames_max_) begin();
}

void Checkpointer::step_idle() {
  if (syncing_.valid()) return end();
  copy(SQLITE_CHECKPOINT_PASSIVE);
}

void Checkpointer::finish() {
  if (syncing_.valid()) end();
  copy(SQLITE_CHECKPOINT_TRUNCATE);
}

void Checkpointer::begin() {
  if (sqlite3_get_autocommit(brake_.handle()) != 0) brake_.execute("BEGIN");
  hold_().next();  // the transaction begins with its first read
  {
    const WithoutSync scope(writer_);
    copy(SQLITE_CHECKPOINT_PASSIVE);
  }
  syncing_ =
      std::async(std::launch::async, [descriptor = descriptor_] { return ::fdatasync(descriptor) == 0 ? 0 : errno; });
}

void Checkpointer::end() {
  if (const int error = syncing_.get(); error != 0) {
    stop_after_failed_sync(std::strerror(error));
  }
  brake_.execute("ROLLBACK");
  copy(frames_ > lengths_patient * frames_max_ ? SQLITE_CHECKPOINT_RESTART : SQLITE_CHECKPOINT_PASSIVE);
}

/// What fails here is tried again later: nothing is lost, the log only grows. A failed sync stops the process.
void Checkpointer::copy(int mode) {
  int frames = 0;
  int copied = 0;
  sqlite3_busy_timeout(writer_.handle(), readers_awaited_ms);
  const int code = sqlite3_wal_checkpoint_v2(writer_.handle(), "main", mode, &frames, &copied);
  sqlite3_busy_timeout(writer_.handle(), busy_timeout_ms);
  if (code == SQLITE_IOERR_FSYNC) stop_after_failed_sync(sqlite3_errmsg(writer_.handle()));
  if (copied < 0) return;
  frames_ = frames;
  copied_ = copied;
}

}  // namespace cadastre::sqlite
