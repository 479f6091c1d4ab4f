#include <doctest/doctest.h>

#include <algorithm>
#include <functional>

#include "tests/ledger/world.h"

namespace cadastre {
namespace {

constexpr std::string_view drop_triggers =
    "DROP TRIGGER ledger_leaf_is_never_updated; DROP TRIGGER ledger_leaf_is_never_deleted; ";

std::string as_sql(ByteView bytes) { return "x'" + encode_hex(bytes) + "'"; }

void run_without_triggers(const TestFolder& folder, const std::string& sql) {
  run_sql(folder, std::string(drop_triggers) + sql);
}

std::string leaf_bytes(const TestFolder& folder, const TenantId& tenant, std::uint64_t seq) {
  LeafQuery query;
  query.from = seq;
  query.limit = 1;
  return Process(folder).store->open_reader()->leaves(tenant, query).at(0).bytes;
}

/// Two tenants' logs and the platform's, published in three rounds, with what it was after the second.
struct Deployment {
  Deployment() {
    {
      Process process(now);
      process.add_tenant(TenantId::platform());
      process.add_tenant(acme);
      process.publish();
      process.add_tenant(bolt);
      process.append(acme, 199);
      process.publish();
    }
    copy_deployment(now, before);
    Process process(now);
    process.append(acme, 400);
    process.append(bolt, 2);
    REQUIRE(process.publish().empty());
  }
  TestFolder now, before;
};

TEST_CASE("nothing is found in what nobody touched, and the checks change nothing") {
  const Deployment deployment;
  const auto files = files_below(deployment.now / "ledger");
  const std::string marks = bytes_of(deployment.now / "high-water");
  Process process(deployment.now);
  const auto at_start = process.check();
  const auto in_full = process.check_full();
  INFO(text_of(at_start), text_of(in_full));
  CHECK(at_start.empty());
  CHECK(in_full.empty());
  CHECK(files_below(deployment.now / "ledger") == files);
  CHECK(bytes_of(deployment.now / "high-water") == marks);
}

struct Row {
  std::string name;
  std::function<void(const Deployment&, const TestFolder&)> tamper;
  std::optional<TenantId> tenant;
  std::uint64_t seq;
  enum { at_start, in_full } when = at_start;
};

Row edited(std::string name, std::uint64_t seq, decltype(Row::when) when, bool with_hash) {
  return {std::move(name),
          [seq, with_hash](const Deployment&, const TestFolder& folder) {
            std::string bytes = leaf_bytes(folder, acme, seq);
            bytes.replace(bytes.find("request"), 7, "REQUEST");
            const std::string hash = as_sql(ledger::leaf_hash(as_bytes(bytes)));
            run_without_triggers(folder, "UPDATE ledger_leaf SET bytes = '" + bytes + "'" +
                                             (with_hash ? ", hash = " + hash : "") +
                                             " WHERE tenant_id = 'acme-corp' AND seq = " + std::to_string(seq));
          },
          acme, seq, when};
}

Row with_sql(std::string name, std::string sql, std::optional<TenantId> tenant, std::uint64_t seq,
             decltype(Row::when) when = Row::at_start) {
  return {std::move(name),
          [sql = std::move(sql)](const Deployment&, const TestFolder& folder) { run_without_triggers(folder, sql); },
          std::move(tenant), seq, when};
}

Row without_file(std::string path, std::uint64_t seq, decltype(Row::when) when = Row::at_start) {
  return {"deleted: " + path,
          [path](const Deployment&, const TestFolder& folder) {
            REQUIRE(std::filesystem::remove_all(folder / (folder_of(acme) + "/" + path)) > 0);
          },
          acme, seq, when};
}

/// The same log with another leaf in the middle and everything recomputed, but for what needs the key.
void recompute(const Deployment&, const TestFolder& folder) {
  std::string note = bytes_of(folder / (folder_of(acme) + "/checkpoint"));
  std::string bytes = leaf_bytes(folder, acme, 3);
  bytes.replace(bytes.find("request"), 7, "REQUEST");
  run_without_triggers(folder, "UPDATE ledger_leaf SET hash = " + as_sql(ledger::leaf_hash(as_bytes(bytes))) +
                                   ", bytes = '" + bytes + "' WHERE tenant_id = 'acme-corp' AND seq = 3");
  ledger::TileBuilder builder;
  const auto write = [&](const ledger::TileId& tile, std::string_view made) {
    const std::string path = folder / (folder_of(acme) + "/" + ledger::tile_path(tile));
    std::filesystem::remove(path);
    write_bytes(path, std::string(made));
  };
  for (std::uint64_t seq = 0; seq < 600; ++seq) builder.append(leaf_bytes(folder, acme, seq), write);
  builder.partials(write);
  run_sql(folder, "UPDATE ledger_checkpoint SET root = " + as_sql(builder.root()) + " WHERE tenant_id = 'acme-corp'");
}

void swap_folders(const Deployment&, const TestFolder& folder) {
  std::filesystem::rename(folder / folder_of(acme), folder / "aside");
  std::filesystem::rename(folder / folder_of(bolt), folder / folder_of(acme));
  std::filesystem::rename(folder / "aside", folder / folder_of(bolt));
}

std::vector<Row> rows() {
  const auto restore = [](std::vector<std::string> parts) {
    return [parts](const Deployment& deployment, const TestFolder& folder) {
      for (const std::string& part : parts) copy_part(deployment.before, folder, part);
    };
  };
  const auto remove = [](std::string part) {
    return [part](const Deployment&, const TestFolder& folder) { std::filesystem::remove_all(folder / part); };
  };
  return {
      edited("an edited leaf near the end", 590, Row::at_start, false),
      edited("an edited leaf", 10, Row::in_full, false),
      edited("an edited leaf with its hash near the end", 590, Row::at_start, true),
      edited("an edited leaf with its hash", 10, Row::in_full, true),
      {"an edited leaf with all hashes and tiles", recompute, acme, 599},
      with_sql("another type in a row", "UPDATE ledger_leaf SET type = 12 WHERE tenant_id = 'acme-corp' AND seq = 9",
               acme, 9, Row::in_full),
      with_sql("another time in a row", "UPDATE ledger_leaf SET ts = ts + 1 WHERE tenant_id = 'acme-corp' AND seq = 9",
               acme, 9, Row::in_full),
      with_sql("a cut tail", "DELETE FROM ledger_leaf WHERE tenant_id = 'acme-corp' AND seq >= 595", acme, 599),
      with_sql(
          "a cut tail with its head",
          "DELETE FROM ledger_leaf WHERE tenant_id = 'acme-corp' AND seq >= 595; UPDATE tenant_usage SET ledger_size = "
          "595 WHERE tenant_id = 'acme-corp'",
          acme, 595),
      with_sql("a leaf taken out", "DELETE FROM ledger_leaf WHERE tenant_id = 'acme-corp' AND seq = 77", acme, 77,
               Row::in_full),
      with_sql("a leaf added beyond the head",
               "INSERT INTO ledger_leaf SELECT tenant_id, seq + 1, ts, type, hash, bytes FROM ledger_leaf WHERE "
               "tenant_id = 'acme-corp' AND seq = 599",
               acme, 600),
      with_sql("no leaf left", "DELETE FROM ledger_leaf WHERE tenant_id = 'acme-corp'", acme, 599),
      with_sql("a tenant's row deleted", "DELETE FROM tenant WHERE tenant_id = 'acme-corp'", {}, 0),
      with_sql("a checkpoint's row deleted", "DELETE FROM ledger_checkpoint WHERE tenant_id = 'acme-corp'", acme, 0),
      with_sql("a checkpoint's row edited",
               "UPDATE ledger_checkpoint SET published_size = 599 WHERE tenant_id = 'acme-corp'", acme, 599),
      with_sql("another key",
               "UPDATE tenant SET vkey = "
               "'example.org/ledger/acme-corp+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW' WHERE tenant_id = "
               "'acme-corp'",
               acme, 0),
      with_sql("two logs' names and keys swapped",
               "UPDATE tenant SET log_id = (SELECT t.log_id FROM tenant t WHERE t.tenant_id NOT IN ('', "
               "tenant.tenant_id)), vkey = (SELECT t.vkey FROM tenant t WHERE t.tenant_id NOT IN ('', "
               "tenant.tenant_id)) WHERE tenant_id = 'acme-corp'",
               acme, 0),
      without_file("", 599),
      without_file("checkpoint", 0),
      without_file("history/600", 600),
      without_file("tile/0/002.p/88", 512),
      without_file("tile/1/000.p/2", 599),
      without_file("tile/0/001", 344),
      without_file("tile/entries/002.p/88", 512),
      without_file("tile/entries/000", 0, Row::in_full),
      {"an older database", restore({"store"}), acme, 200},
      {"an older database and older files", restore({"store", "ledger"}), acme, 200},
      {"older files", restore({"ledger"}), acme, 200},
      {"a deleted database", remove("store"), {}, 0},
      {"deleted files", remove("ledger"), acme, 599},
      {"deleted marks", remove("high-water"), acme, 600},
      {"two logs' folders swapped", swap_folders, acme, 0},
  };
}

TEST_CASE("whatever is done to rows and files is found, with the log and the index") {
  const Deployment deployment;
  for (const Row& row : rows()) {
    CAPTURE(row.name);
    const TestFolder folder;
    copy_deployment(deployment.now, folder);
    row.tamper(deployment, folder);
    Process process(folder);
    const auto at_start = process.check();
    const auto findings = at_start.empty() ? process.check_full() : at_start;
    INFO(text_of(findings));
    CHECK(at_start.empty() == (row.when == Row::in_full));
    const bool named = std::ranges::any_of(findings, [&](const LogFinding& finding) {
      return finding.tenant == row.tenant && finding.seq == row.seq && (row.tenant || finding.log_id == log_of(acme));
    });
    CHECK(named);
  }
}

TEST_CASE("empty marks are the operator's word that the rest is the newest, and are filled from it") {
  const Deployment deployment;
  write_bytes(deployment.now / "high-water", "");
  Process process(deployment.now);
  const auto files = files_below(deployment.now / "ledger");
  CHECK(process.check().empty());
  CHECK(process.publish().empty());
  CHECK(files_below(deployment.now / "ledger") == files);
  CHECK(process.marks->count() == 3);
  CHECK(process.marks->find(log_of(acme))->is_settled);
  CHECK(process.check_full().empty());
}

TEST_CASE("one bit flipped in any published file is found, wherever it is") {
  const Deployment deployment;
  Process process(deployment.now);
  for (const auto& [name, bytes] : files_below(deployment.now / "ledger")) {
    for (const std::size_t at : {std::size_t{0}, bytes.size() / 2, bytes.size() - 1}) {
      CAPTURE(name);
      CAPTURE(at);
      std::string flipped = bytes;
      flipped[at] = static_cast<char>(flipped[at] ^ 0x10);
      write_bytes(deployment.now / ("ledger/" + name), flipped);
      const auto at_start = process.check();
      const auto findings = at_start.empty() ? process.check_full() : at_start;
      REQUIRE(!findings.empty());
      const LogFinding& first = findings.front();
      CHECK(name.find(first.tenant->is_platform() ? "platform" : encode_hex(first.log_id)) != std::string::npos);
      CHECK(describe(first).find(", index ") != std::string::npos);
    }
    write_bytes(deployment.now / ("ledger/" + name), bytes);
  }
  CHECK(process.check_full().empty());
}

}  // namespace
}  // namespace cadastre
