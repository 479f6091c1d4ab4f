#include "store/postgresql/buffer.h"

#include <algorithm>
#include <iterator>

namespace cadastre::postgresql {
namespace {

/// Rows looked at for each answer recorded: two, so that the table never holds much more than twice what is live.
constexpr std::size_t rows_swept_per_answer = 2;

template <class Key, class Value>
std::map<Key, Value>& rows_of(Overlay<Key, Value>& overlay, Layer layer) {
  return layer == Layer::group ? overlay.group() : overlay.body();
}

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

  /// Calls `write(key, entry)` with each unwritten entry, which is written then.
  template <class Key, class Row, class Write>
  void each_unwritten(Overlay<Key, Entry<Row>>& overlay, Write write) {
    for (auto& [key, entry] : rows_of(overlay, layer_)) {
      if (!entry.is_unwritten) continue;
      write(key, entry);
      entry.is_unwritten = false;
      entry.is_stored = entry.row.has_value();
    }
  }

  void send_namespaces();
  void send_vms();
  void send_tokens();
  void send_revocations();
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

void Sending::send_namespaces() {
  Columns tenants, usages, changed_usages, changed_details, changes, marked, unmarked;
  for (auto& [id, one] : rows_of(buffer_.namespaces, layer_)) {
    if (!one.exists) continue;
    if (!one.is_stored) {
      add_whole_details(tenants, one.tenant);
      add_usage(usages, one);
    } else {
      if (one.usage_unwritten) add_usage(changed_usages, one);
      if (one.details_unwritten) {
        add_details(changed_details, one.tenant);
        changes.add(id.text(), one.tenant.revision, context_.writer);
      }
    }
    const bool is_behind = one.head.size > one.published_size;
    if (is_behind && (!one.is_marked || one.was_published)) marked.add(id.text());
    if (!is_behind && one.is_marked) unmarked.add(id.text());
    one.is_stored = true;
    one.is_marked = is_behind;
    one.usage_unwritten = one.details_unwritten = one.was_published = false;
  }
  rows(Sql::insert_tenants, tenants);
  rows(Sql::insert_usages, usages);
  rows(Sql::update_usages, changed_usages);
  rows(Sql::update_details, changed_details);
  rows(Sql::mark_unpublished, marked);
  rows(Sql::unmark_unpublished, unmarked);
  rows(Sql::note_changes, changes);
  if (changes.rows() == 0) return;
  pipeline_.send(Sql::notify);
  expected_.push_back({Sql::notify, any_number});
}

void Sending::send_vms() {
  Columns inserted, updated, erased;
  each_unwritten(buffer_.vms, [&](const Buffer::Key16& key, const Entry<Vm>& entry) {
    if (entry.row)
      add_vm(entry.is_stored ? updated : inserted, *entry.row);
    else if (entry.is_stored)
      erased.add(key.first.text(), key.second);
  });
  rows(Sql::insert_vms, inserted);
  rows(Sql::update_vms, updated);
  rows(Sql::erase_vms, erased);
}

void Sending::send_tokens() {
  Columns inserted, marked;
  each_unwritten(buffer_.tokens, [&](const Buffer::Key16& key, const Entry<IssuedToken>& entry) {
    if (!entry.is_stored)
      add_token(inserted, *entry.row);
    else
      marked.add(key.first.text(), key.second, entry.row->revoked_at, entry.row->revoked_by);
  });
  rows(Sql::insert_tokens, inserted);
  rows(Sql::mark_tokens_revoked, marked);
}

void Sending::send_revocations() {
  Columns inserted;
  each_unwritten(buffer_.revocations, [&](const Buffer::RevocationKey&, const Entry<Revocation>& entry) {
    const Revocation& r = *entry.row;
    inserted.add(r.tenant.text(), r.kind, r.id, r.revoked_at, r.expires_at);
  });
  rows(Sql::insert_revocations, inserted);
}

void Sending::send_leaves() {
  Columns inserted;
  Buffer::Leaves& leaves = layer_ == Layer::group ? buffer_.leaves : buffer_.leaves_of_body;
  for (const auto& [tenant, leaf] : leaves) add_leaf(inserted, tenant, leaf);
  leaves.clear();
  rows(Sql::insert_leaves, inserted);
}

void Sending::send_checkpoints() {
  Columns put;
  each_unwritten(buffer_.checkpoints, [&](const TenantId& tenant, const Entry<PublishedCheckpoint>& entry) {
    const PublishedCheckpoint& c = *entry.row;
    put.add(tenant.text(), c.log_id, c.size, c.root, c.note);
  });
  if (put.rows() == 0) return;
  rows(Sql::put_checkpoints, put);
  context_.owes_lease = true;
}

void Sending::send_settings() {
  Columns put;
  each_unwritten(buffer_.settings,
                 [&](const std::string& name, const Entry<std::string>& entry) { put.add(name, *entry.row); });
  rows(Sql::put_settings, put);
}

/// Last, since it may wait for another process that records the same key.
void Sending::send_answers() {
  Columns put;
  each_unwritten(buffer_.answers, [&](const Buffer::Key32& key, const Entry<IdempotentAnswer>& entry) {
    add_answer(put, key.first, *entry.row);
  });
  if (put.rows() == 0) return;
  rows(Sql::put_answers, put, context_.latest_now);
  swept_max_ = rows_swept_per_answer * put.rows();
  pipeline_.send(Sql::sweep_answers, context_.swept_tenant, as_bytes(context_.swept_key), swept_max_,
                 context_.latest_now);
  expected_.push_back({Sql::sweep_answers, any_number});
}

void Sending::finish() {
  auto results = pipeline_.finish();
  for (std::size_t i = 0; i < expected_.size(); ++i) {
    const auto [id, wanted] = expected_[i];
    if (wanted != any_number && results[i].changed() != wanted) {
      throw Failure(Trouble::statement,
                    std::string("PostgreSQL, ") + statement(id).name + ": a row was missing or in the way");
    }
    if (id == Sql::sweep_answers) note_sweep(std::move(results[i]));
  }
}

void Sending::note_sweep(Rows seen) {
  const auto count = static_cast<std::size_t>(seen.count());
  while (seen.next()) context_.swept_tenant = seen.text(0), context_.swept_key = seen.text(1);
  if (count < swept_max_) context_.swept_tenant.clear(), context_.swept_key.clear();
}

/// What the database now has of the group's, the body's copies have too.
template <class Overlay>
void refresh_body(Overlay& overlay, auto copy) {
  for (auto& [key, entry] : overlay.body()) {
    const auto shared = overlay.group().find(key);
    if (shared != overlay.group().end()) copy(shared->second, entry);
  }
}

void refresh_body(Buffer& buffer) {
  const auto copy_stored = [](const auto& from, auto& to) { to.is_stored = from.is_stored; };
  refresh_body(buffer.namespaces, [](const Namespace& from, Namespace& to) {
    to.is_stored = from.is_stored;
    to.is_marked = from.is_marked;
  });
  refresh_body(buffer.vms, copy_stored);
  refresh_body(buffer.tokens, copy_stored);
}

}  // namespace

bool Buffer::body_is_empty() const {
  return namespaces.body_is_empty() && vms.body_is_empty() && tokens.body_is_empty() && revocations.body_is_empty() &&
         checkpoints.body_is_empty() && answers.body_is_empty() && settings.body_is_empty() && leaves_of_body.empty();
}

void Buffer::keep_body() {
  namespaces.keep([](Namespace& one) { one.is_raised = false; });
  vms.keep();
  tokens.keep();
  revocations.keep();
  checkpoints.keep();
  answers.keep();
  settings.keep();
  std::ranges::move(leaves_of_body, std::back_inserter(leaves));
  leaves_of_body.clear();
}

void Buffer::drop_body() {
  namespaces.drop();
  vms.drop();
  tokens.drop();
  revocations.drop();
  checkpoints.drop();
  answers.drop();
  settings.drop();
  leaves_of_body.clear();
}

void Buffer::forget_reads() {
  std::erase_if(namespaces.group(), [](const auto& each) { return !each.second.is_locked; });
  vms.group().clear();
  tokens.group().clear();
  revocations.group().clear();
  checkpoints.group().clear();
  answers.group().clear();
  settings.group().clear();
}

void Buffer::clear() { *this = Buffer(); }

bool send(Connection& connection, Buffer& buffer, Layer layer, SendingContext& context) {
  const bool sent = Sending(connection, buffer, layer, context).run();
  if (layer == Layer::group) refresh_body(buffer);
  return sent;
}

}  // namespace cadastre::postgresql
