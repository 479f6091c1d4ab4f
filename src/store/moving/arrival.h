// Whether what has arrived in a new database is a register: recounted and hashed from its own rows.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "ledger/merkle.h"
#include "store/moving/moved_tables.h"
#include "store/moving/row.h"

namespace cadastre::moving {

/// Takes every row of a new database, table by table in the order of `moved_tables`, each in the order of its key.
/// Throws StoreFailure when a row cannot be part of a register.
class Arrival {
 public:
  void take(const MovedTable& table, const RowValues& values);
  /// After the last row: every counter is what its rows give, every log as long as its head says, and its published
  /// checkpoint signed over the root that its leaves have. Throws StoreFailure naming what is not.
  void expect_whole() const;
  std::uint64_t logs() const { return namespaces_.size(); }
  std::uint64_t leaves() const { return leaves_; }
  std::uint64_t files() const { return files_; }

 private:
  struct Usage {
    std::int64_t vms = 0;
    std::int64_t storage_gb = 0;
    std::int64_t ram_mb = 0;
    std::int64_t vcpus = 0;
    friend bool operator==(const Usage&, const Usage&) = default;
  };
  /// What the rows of one namespace say, and what they give.
  struct Namespace {
    std::string vkey;
    std::string log_id;
    std::int64_t revocations_counted = 0;
    std::int64_t revocations = 0;
    bool has_usage = false;
    Usage counted;
    Usage used;
    std::uint64_t head = 0;
    std::int64_t head_ts = 0;
    std::uint64_t leaves = 0;
    std::int64_t last_ts = 0;
    std::uint64_t published = 0;
    bool has_checkpoint = false;
    bool has_published_root = false;  // the leaves up to the checkpoint have its root
    bool waits = false;               // to be published
    ledger::Hash root{};
    std::string note;
  };
  class Row;

  void take_tenant(const Row& row);
  void take_usage(const Row& row);
  void take_checkpoint(const Row& row);
  void take_vm(const Row& row);
  void take_leaf(const Row& row);
  Namespace& of(const Row& row);
  static void expect_whole(std::string_view tenant, const Namespace& found);

  std::map<std::string, Namespace, std::less<>> namespaces_;
  Namespace* last_ = nullptr;  // whose row came last
  std::string last_tenant_;
  ledger::Frontier tree_;  // of the log whose leaves are coming
  std::uint64_t leaves_ = 0;
  std::uint64_t files_ = 0;
};

}  // namespace cadastre::moving
