#include "store/postgresql/sending.h"

namespace cadastre::postgresql {
namespace {

/// Rows looked at for each answer recorded: two, so that the table never holds much more than twice what is live.
constexpr std::size_t rows_swept_per_answer = 2;

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

void Sending::send_namespaces() {
  Columns tenants, usages, changed_usages, changed_details, changes, marked, unmarked;
  for (auto& [id, one] : layer_ == Layer::group ? buffer_.namespaces.group() : buffer_.namespaces.body()) {
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
      marked.add(key.first.text(), key.second, entry.row->revoked_at, entry.row->revoked_by, entry.row->first_seen,
                 entry.row->last_seen);
  });
  rows(Sql::insert_tokens, inserted);
  rows(Sql::mark_tokens, marked);
}

void Sending::send_revocations() {
  Columns inserted;
  each_unwritten(buffer_.revocations, [&](const Buffer::RevocationKey&, const Entry<Revocation>& entry) {
    const Revocation& r = *entry.row;
    inserted.add(r.tenant.text(), r.kind, r.id, r.revoked_at, r.expires_at, r.seq);
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

bool send(Connection& connection, Buffer& buffer, Layer layer, SendingContext& context) {
  const bool sent = Sending(connection, buffer, layer, context).run();
  if (layer == Layer::group) refresh_body(buffer);
  return sent;
}

}  // namespace cadastre::postgresql
