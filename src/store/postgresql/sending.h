// How the buffer of a transaction becomes statements: all that is unwritten, in one trip.
#pragma once

#include <string>
#include <vector>

#include "store/postgresql/buffer.h"
#include "store/postgresql/connection.h"
#include "store/postgresql/publisher_lease.h"

namespace cadastre::postgresql {

/// Which layer of the buffer is sent.
enum class Layer { group, body };

/// What sending needs besides the rows.
struct SendingContext {
  Bytes<16> writer{};        ///< Names this process in the change feed.
  const Fence& fence;        ///< Under which this process publishes.
  bool owes_lease = false;   ///< Checkpoints were sent, and the lease has to be kept before they are committed.
  Instant latest_now;        ///< The latest time that any body has named.
  std::string swept_tenant;  ///< Where the sweep of old answers has come to.
  std::string swept_key;
};

/// Sends what is unwritten of a layer, in one trip, and notes in the buffer that it is written. False when there was
/// nothing. Throws Failure, also when a row to be changed is not there or an answer is in the way.
bool send(Connection& connection, Buffer& buffer, Layer layer, SendingContext& context);

/// One trip: statements about many rows each, and how many rows each must touch.
class Sending {
 public:
  Sending(Connection& connection, Buffer& buffer, Layer layer, SendingContext& context)
      : pipeline_(connection), buffer_(buffer), layer_(layer), context_(context) {}

  bool run() {
    send_namespaces();
    send_vms();
    send_tokens();
    send_revocations();
    send_access();
    send_leaves();
    send_checkpoints();
    send_settings();
    send_answers();
    if (expected_.empty()) return false;
    finish();
    return true;
  }

 private:
  static constexpr std::size_t any_number = ~std::size_t{0};

  template <class... Each>
  void rows(Sql id, Columns& columns, const Each&... values) {
    if (columns.rows() == 0) return;
    pipeline_.send_rows(id, columns, values...);
    expected_.push_back({id, columns.rows()});
  }
  /// The same for rows that may not be there.
  void rows_if_any(Sql id, Columns& columns) {
    if (columns.rows() == 0) return;
    pipeline_.send_rows(id, columns);
    expected_.push_back({id, any_number});
  }

  /// Calls `write(key, entry)` with each unwritten entry, which is written then.
  template <class Key, class Row, class Write>
  void each_unwritten(Overlay<Key, Entry<Row>>& overlay, Write write) {
    for (auto& [key, entry] : layer_ == Layer::group ? overlay.group() : overlay.body()) {
      if (!entry.is_unwritten) continue;
      write(key, entry);
      entry.is_unwritten = false;
      entry.is_stored = entry.row.has_value();
    }
  }

  /// The unwritten rows of one kind: those that there are to be, and the keys of those that are gone.
  template <class Key, class Row>
  void replace_or_erase(Overlay<Key, Entry<Row>>& overlay, void (*add)(Columns&, const Row&), Sql put, Sql erase) {
    Columns rows_put, rows_erased;
    each_unwritten(overlay, [&](const Key& key, const Entry<Row>& entry) {
      if (entry.row)
        add(rows_put, *entry.row);
      else
        rows_erased.add(key.first.text(), key.second);
    });
    rows(put, rows_put);
    rows_if_any(erase, rows_erased);
  }

  void send_namespaces();
  void send_vms();
  void send_tokens();
  void send_revocations();
  void send_access();
  void send_named();
  void send_pool();
  void send_challenges();
  void send_counters();
  void send_caveat_rates();
  void send_leaves();
  void send_checkpoints();
  void send_settings();
  void send_answers();
  void finish();
  void note_sweep(Rows seen);

  struct Expected {
    Sql id;
    std::size_t rows;
  };
  Pipeline pipeline_;
  Buffer& buffer_;
  const Layer layer_;
  SendingContext& context_;
  std::vector<Expected> expected_;
  std::size_t swept_max_ = 0;
};

}  // namespace cadastre::postgresql
