#include "store/moving/arrival.h"

#include <fmt/format.h>

#include <algorithm>

#include "ledger/checkpoint.h"
#include "service/ports.h"

namespace cadastre::moving {
namespace {

std::string name_of(std::string_view tenant) { return tenant.empty() ? "the platform" : std::string(tenant); }

[[noreturn]] void refuse_arrival(std::string_view tenant, std::string_view what) {
  throw StoreFailure(
      fmt::format("what arrived is not the register, so nothing of it was kept: {} of {}", what, name_of(tenant)));
}

}  // namespace

/// A row whose values are asked for by their column.
class Arrival::Row {
 public:
  Row(const MovedTable& table, const RowValues& values) : table_(table), values_(values) {
    if (values.size() != table.columns.size()) throw StoreFailure("PostgreSQL sent a row with too few values");
  }
  std::string_view bytes(std::string_view column) const {
    return values_[table_.place_of(column)].value_or(std::string_view());
  }
  std::int64_t integer(std::string_view column) const { return integer_of(values_[table_.place_of(column)]); }
  std::uint64_t count(std::string_view column) const { return static_cast<std::uint64_t>(integer(column)); }
  ledger::Hash hash(std::string_view column) const {
    const std::string_view found = bytes(column);
    ledger::Hash hash{};
    if (found.size() != hash.size()) refuse_arrival(tenant(), "a digest of another length, in the rows");
    std::ranges::copy(found, hash.begin());
    return hash;
  }
  std::string_view tenant() const { return bytes("tenant_id"); }

 private:
  const MovedTable& table_;
  const RowValues& values_;
};

void Arrival::take(const MovedTable& table, const RowValues& values) {
  const Row row(table, values);
  if (table.name == "setting") return;
  if (table.name == "tenant") return take_tenant(row);
  if (table.name == "tenant_usage") return take_usage(row);
  if (table.name == "ledger_checkpoint") return take_checkpoint(row);
  if (table.name == "vm") return take_vm(row);
  if (table.name == "ledger_leaf") return take_leaf(row);
  Namespace& found = of(row);
  if (table.name == "unpublished_log") found.waits = true;
  if (table.name == "revocation") ++found.revocations;
  if (table.is_published) ++files_;
}

Arrival::Namespace& Arrival::of(const Row& row) {
  if (last_ != nullptr && last_tenant_ == row.tenant()) return *last_;
  const auto found = namespaces_.find(row.tenant());
  if (found == namespaces_.end()) refuse_arrival(row.tenant(), "rows without the namespace itself,");
  last_ = &found->second;
  last_tenant_ = row.tenant();
  return *last_;
}

void Arrival::take_tenant(const Row& row) {
  Namespace found;
  found.vkey = row.bytes("vkey");
  found.log_id = row.bytes("log_id");
  found.revocations_counted = row.integer("revocations");
  namespaces_.emplace(row.tenant(), std::move(found));
}

void Arrival::take_usage(const Row& row) {
  Namespace& found = of(row);
  found.has_usage = true;
  found.counted = {row.integer("used_vms"), row.integer("used_storage_gb"), row.integer("used_ram_mb"),
                   row.integer("used_vcpus")};
  found.head = row.count("ledger_size");
  found.head_ts = row.integer("ledger_last_ts");
  found.published = row.count("published_size");
}

void Arrival::take_checkpoint(const Row& row) {
  Namespace& found = of(row);
  found.has_checkpoint = true;
  found.root = row.hash("root");
  found.note = row.bytes("note");
  if (row.count("published_size") != found.published || row.bytes("log_id") != found.log_id) {
    refuse_arrival(row.tenant(), "the stored checkpoint is not that of the log");
  }
}

void Arrival::take_vm(const Row& row) {
  Usage& used = of(row).used;
  ++used.vms;
  used.storage_gb += row.integer("disk_gb");
  used.ram_mb += row.integer("ram_mb");
  used.vcpus += row.integer("vcpus");
}

void Arrival::take_leaf(const Row& row) {
  Namespace& found = of(row);
  if (found.leaves == 0) tree_ = ledger::Frontier();
  if (row.count("seq") != found.leaves) refuse_arrival(row.tenant(), "there is a gap in the ledger");
  const std::string_view bytes = row.bytes("bytes");
  const auto hash = ledger::leaf_hash(as_bytes(bytes));
  if (hash != row.hash("hash")) {
    refuse_arrival(row.tenant(), fmt::format("leaf {} does not hash to its stored hash in the ledger", found.leaves));
  }
  tree_.append(hash);
  ++leaves_;
  found.last_ts = row.integer("ts");
  if (++found.leaves == found.published) found.has_published_root = tree_.root() == found.root;
}

void Arrival::expect_whole(std::string_view tenant, const Namespace& found) {
  if (!found.has_usage) refuse_arrival(tenant, "there are no counters");
  if (found.counted != found.used) refuse_arrival(tenant, "the usage counters are not those of the VMs");
  if (found.revocations_counted != found.revocations)
    refuse_arrival(tenant, "the revocations are not as many as counted");
  if (found.head != found.leaves || found.head_ts != found.last_ts) {
    refuse_arrival(tenant,
                   fmt::format("the head counts {} leaves and there are {} in the ledger", found.head, found.leaves));
  }
  if (found.waits != (found.head > found.published)) refuse_arrival(tenant, "what is to be published is not as noted");
  if (found.has_checkpoint != (found.published > 0)) refuse_arrival(tenant, "there is no checkpoint");
  if (!found.has_checkpoint) return;
  if (!found.has_published_root) refuse_arrival(tenant, "the leaves do not have the published root");
  const auto key = ledger::VerifierKey::parse(found.vkey);
  const auto signed_one = key ? ledger::open_checkpoint(found.note, *key) : std::unexpected(key.error());
  if (!signed_one || signed_one->size != found.published || signed_one->root != found.root) {
    refuse_arrival(tenant, "no signature covers the stored checkpoint");
  }
}

void Arrival::expect_whole() const {
  if (!namespaces_.contains("")) refuse_arrival("", "there is no namespace");
  for (const auto& [tenant, found] : namespaces_) expect_whole(tenant, found);
}

}  // namespace cadastre::moving
