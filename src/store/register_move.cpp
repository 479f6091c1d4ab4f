#include "store/register_move.h"

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/random.h"
#include "store/moving/arrival.h"
#include "store/moving/published_rows.h"
#include "store/moving/source.h"
#include "store/moving/target.h"
#include "store/open_store.h"

namespace cadastre {

using namespace moving;

namespace {

std::string draw_move_id() {
  Bytes<16> id{};
  SystemRandom().fill(id);
  return encode_hex(id);
}

template <class From>
void copy_rows(From& rows, Target& target, const MovedTable& table) {
  postgresql::CopyIn sending(target.connection(), std::string(table.name), column_list(table));
  while (rows.next()) sending.add(rows.row());
  sending.finish();
}

/// How many rows there are, each of them the same on both sides.
template <class From>
std::uint64_t compare_rows(From& rows, Target& target, const MovedTable& table, Arrival& arrival) {
  TargetRows arrived(target, table);
  RowValues values;
  for (std::uint64_t count = 0;; ++count) {
    const bool is_sent = rows.next();
    if (arrived.next() != is_sent || (is_sent && arrived.row() != rows.row())) {
      throw StoreFailure(
          fmt::format("row {} of {} did not arrive as it was sent, so nothing was kept", count, table.name));
    }
    if (!is_sent) return count;
    split_row(arrived.row(), values);
    arrival.take(table, values);
  }
}

}  // namespace

std::optional<std::string> fault_of_move(std::string_view from, std::string_view to) {
  const auto goes_to = folder_of_store(to);
  if (!folder_of_store(from)) return "--from must be sqlite:DIR: a register is moved from there to PostgreSQL";
  if (goes_to) return "--to, or the setting store, must be postgresql://…: a register is moved there from SQLite";
  for (const auto& [name, setting] : {std::pair{"--from", from}, std::pair{"--to", to}}) {
    if (const auto fault = fault_of_store(setting)) return fmt::format("{} {}", name, *fault);
  }
  return std::nullopt;
}

/// Both ends of a move.
class RegisterMove::Parts {
 public:
  Parts(const std::string& from, const std::string& to)
      : shown_target_(shown_store(to)), source(folder_of_store(from).value()), target(to) {}

  /// Refuses to begin what was done before. A mark that names an empty database is of a move that was cut off just
  /// before its end.
  void expect_possible() {
    const auto mark = source.mark();
    const bool is_filled = target.holds_anything();
    if (mark && is_filled && target.setting(move_id_setting) == mark->id) {
      throw StoreFailure(fmt::format(
          "the register in {} was moved to {} before, and all of it is there: start the server with that as "
          "--store, and keep the data directory",
          source.folder().string(), mark->to));
    }
    if (is_filled) {
      throw StoreFailure(fmt::format("{} holds a register already: name an empty database", shown_target_));
    }
    if (mark && mark->to != shown_target_) {
      throw StoreFailure(fmt::format(
          "the register in {} was moved to {}. Only if no server ever ran on that, remove {} and run this again",
          source.folder().string(), mark->to, (source.folder() / "moved").string()));
    }
  }

  /// The last two steps. Whichever of them the process does not survive, there are never two registers that go on: the
  /// mark is there before the new database counts.
  void commit() {
    const sqlite::MoveMark mark{.id = draw_move_id(), .to = shown_target_};
    target.set_setting(move_id_setting, mark.id);
    target.set_setting(moved_from_setting, source.folder().string());
    target.count_showing(first_showing);
    target.count_rows();
    source.set_mark(mark);
    try {
      target.commit();
    } catch (const CommitUnknown& failure) {
      throw CommitUnknown(fmt::format(
          "{}; it is not known whether the move was kept: run the same command again, it finds out", failure.what()));
    } catch (const StoreFailure&) {
      source.clear_mark();
      throw;
    }
  }

 private:
  const std::string shown_target_;

 public:
  Source source;
  Target target;
};

RegisterMove::RegisterMove(const std::string& from, const std::string& to) : parts_(std::make_unique<Parts>(from, to)) {
  parts_->expect_possible();
}

RegisterMove::~RegisterMove() = default;

Store& RegisterMove::source() { return parts_->source.store(); }

MoveFigures RegisterMove::run(TileFolder& files, const std::function<void(std::string_view, std::uint64_t)>& report) {
  Source& source = parts_->source;
  Target& target = parts_->target;
  source.expect_sound();
  source.clear_mark();
  target.begin();
  const auto read = [&](const MovedTable& table, const auto& use) {
    if (table.is_published) {
      PublishedRows rows(source.store(), files);
      return use(rows);
    }
    SourceRows rows(source, table);
    return use(rows);
  };
  for (const MovedTable& table : moved_tables()) {
    read(table, [&](auto& rows) { copy_rows(rows, target, table); });
  }
  Arrival arrival;
  for (const MovedTable& table : moved_tables()) {
    report(table.name, read(table, [&](auto& rows) { return compare_rows(rows, target, table, arrival); }));
  }
  arrival.expect_whole();
  parts_->commit();
  return {.logs = arrival.logs(), .leaves = arrival.leaves(), .files = arrival.files()};
}

}  // namespace cadastre
