#include "store/moving/arrival.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <functional>
#include <variant>

#include "base/bytes.h"
#include "ledger/checkpoint.h"
#include "service/ports.h"

using namespace cadastre;
using namespace cadastre::moving;

namespace {

using Value = std::variant<std::int64_t, std::string>;
/// Columns that are not named are 0 or empty.
using Columns = std::map<std::string, Value>;

struct TestRow {
  std::string table;
  Columns columns;
};

const PrivateKey key = PrivateKey::from_seed(Bytes<32>{7});
const std::string log_id(16, 'L');

std::string text_of(const ledger::Hash& hash) { return std::string(as_text(hash)); }

std::string leaf_bytes(std::int64_t seq) { return fmt::format("leaf {}", seq); }

ledger::Hash root_of_leaves(std::int64_t count) {
  ledger::Frontier tree;
  for (std::int64_t seq = 0; seq < count; ++seq) tree.append(ledger::leaf_hash(as_bytes(leaf_bytes(seq))));
  return tree.root();
}

/// A namespace with two VMs, one revocation and five leaves, three of them published.
std::vector<TestRow> rows_of(const std::string& tenant) {
  const std::string name = "host/ledger/" + (tenant.empty() ? "platform" : tenant);
  const ledger::VerifierKey verifier{name, key.public_key()};
  const auto root = root_of_leaves(3);
  const std::string note = ledger::sign_checkpoint({.origin = name, .size = 3, .root = root}, key);
  std::vector<TestRow> rows = {
      {"tenant", {{"vkey", verifier.encode()}, {"log_id", log_id}, {"revocations", 1}}},
      {"tenant_usage",
       {{"used_vms", 2},
        {"used_storage_gb", 30},
        {"used_ram_mb", 3},
        {"used_vcpus", 5},
        {"ledger_size", 5},
        {"ledger_last_ts", 104},
        {"published_size", 3}}},
      {"ledger_checkpoint", {{"log_id", log_id}, {"published_size", 3}, {"root", text_of(root)}, {"note", note}}},
      {"unpublished_log", {}},
      {"vm", {{"disk_gb", 10}, {"ram_mb", 1}, {"vcpus", 2}}},
      {"vm", {{"disk_gb", 20}, {"ram_mb", 2}, {"vcpus", 3}}},
      {"token", {}},
      {"revocation", {}},
  };
  for (std::int64_t seq = 0; seq < 5; ++seq) {
    const std::string bytes = leaf_bytes(seq);
    rows.push_back(
        {"ledger_leaf",
         {{"seq", seq}, {"ts", 100 + seq}, {"hash", text_of(ledger::leaf_hash(as_bytes(bytes)))}, {"bytes", bytes}}});
  }
  rows.push_back({"idempotency", {}});
  for (TestRow& row : rows) row.columns["tenant_id"] = tenant;
  return rows;
}

void give(Arrival& arrival, const TestRow& row) {
  const MovedTable& table = moved_table(row.table);
  RowWriter writer;
  writer.begin(table.columns.size());
  for (const MovedColumn& column : table.columns) {
    const auto found = row.columns.find(column.name);
    const bool is_integer = column.type == ColumnType::integer;
    const Value value = found != row.columns.end() ? found->second : is_integer ? Value(0) : Value(std::string());
    if (is_integer)
      writer.add(std::get<std::int64_t>(value));
    else
      writer.add(std::string_view(std::get<std::string>(value)));
  }
  RowValues values;
  split_row(writer.row(), values);
  arrival.take(table, values);
}

/// Why the rows are no register; empty when they are one. Given as they arrive: table by table.
std::string fault_of(const std::vector<TestRow>& rows) {
  Arrival arrival;
  try {
    for (const MovedTable& table : moved_tables()) {
      for (const TestRow& row : rows) {
        if (row.table == table.name) give(arrival, row);
      }
    }
    arrival.expect_whole();
  } catch (const StoreFailure& failure) {
    return failure.what();
  }
  return "";
}

std::vector<TestRow> two_namespaces() {
  auto rows = rows_of("");
  for (TestRow& row : rows_of("acme")) rows.push_back(std::move(row));
  return rows;
}

/// The row of acme in that table, the `number`th.
TestRow& row_of_acme(std::vector<TestRow>& rows, std::string_view table, int number = 0) {
  for (TestRow& row : rows) {
    if (row.table == table && row.columns["tenant_id"] == Value("acme") && number-- == 0) return row;
  }
  FAIL("there is no such row");
  return rows.front();
}

}  // namespace

TEST_CASE("a register that is whole arrives") {
  Arrival arrival;
  for (const TestRow& row : rows_of("")) give(arrival, row);
  arrival.expect_whole();
  CHECK(arrival.logs() == 1);
  CHECK(arrival.leaves() == 5);
  CHECK(fault_of(two_namespaces()) == "");
}

TEST_CASE("what cannot be a register is refused, and the refusal names it") {
  struct Row {
    const char* table;
    int number;
    const char* column;
    Value value;
    const char* said;
  };
  const Row changes[] = {
      {"tenant", 0, "vkey", "other", "no signature covers the stored checkpoint"},
      {"tenant", 0, "log_id", "other", "the stored checkpoint is not that of the log"},
      {"tenant", 0, "revocations", 2, "the revocations are not as many as counted"},
      {"tenant_usage", 0, "used_vms", 3, "the usage counters are not those of the VMs"},
      {"tenant_usage", 0, "used_storage_gb", 31, "the usage counters"},
      {"tenant_usage", 0, "used_ram_mb", 4, "the usage counters"},
      {"tenant_usage", 0, "used_vcpus", 4, "the usage counters"},
      {"tenant_usage", 0, "ledger_size", 6, "the head counts 6 leaves and there are 5"},
      {"tenant_usage", 0, "ledger_last_ts", 105, "the head counts"},
      {"tenant_usage", 0, "published_size", 2, "the stored checkpoint is not that of the log"},
      {"ledger_checkpoint", 0, "published_size", 4, "the stored checkpoint is not that of the log"},
      {"ledger_checkpoint", 0, "root", text_of(root_of_leaves(4)), "the leaves do not have the published root"},
      {"ledger_checkpoint", 0, "root", "short", "a digest of another length"},
      {"ledger_checkpoint", 0, "note", "other", "no signature covers the stored checkpoint"},
      {"vm", 1, "disk_gb", 21, "the usage counters"},
      {"ledger_leaf", 1, "bytes", "other", "leaf 1 does not hash to its stored hash"},
      {"ledger_leaf", 2, "seq", 3, "there is a gap in the ledger"},
      {"ledger_leaf", 4, "ts", 103, "the head counts"},
  };
  for (const Row& change : changes) {
    CAPTURE(change.table);
    CAPTURE(change.column);
    auto rows = two_namespaces();
    row_of_acme(rows, change.table, change.number).columns[change.column] = change.value;
    const std::string said = fault_of(rows);
    CAPTURE(said);
    CHECK(said.find(change.said) != std::string::npos);
    CHECK(said.ends_with("of acme"));
  }
}

TEST_CASE("a row that is missing is noticed") {
  const std::pair<const char*, const char*> tables[] = {
      {"tenant", "rows without the namespace itself"},
      {"tenant_usage", "the stored checkpoint is not that of the log"},
      {"ledger_checkpoint", "there is no checkpoint"},
      {"unpublished_log", "what is to be published is not as noted"},
      {"vm", "the usage counters"},
      {"revocation", "the revocations"},
      {"ledger_leaf", "there is a gap in the ledger"},
  };
  for (const auto& [table, expected] : tables) {
    CAPTURE(table);
    auto rows = two_namespaces();
    row_of_acme(rows, table).table = "";
    const std::string said = fault_of(rows);
    CAPTURE(said);
    CHECK(said.find(expected) != std::string::npos);
  }
  CHECK(fault_of({}).find("there is no namespace of the platform") != std::string::npos);
  CHECK(fault_of(rows_of("acme")).find("there is no namespace of the platform") != std::string::npos);
}

TEST_CASE("leaves that changed together with their hashes do not have the published root") {
  auto rows = two_namespaces();
  Columns& leaf = row_of_acme(rows, "ledger_leaf", 1).columns;
  leaf["bytes"] = "other";
  leaf["hash"] = text_of(ledger::leaf_hash(as_bytes("other")));
  CHECK(fault_of(rows).find("the leaves do not have the published root") != std::string::npos);
}
