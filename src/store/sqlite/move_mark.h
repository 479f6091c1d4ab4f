// The note in a directory that its register was moved into another database.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace cadastre::sqlite {

struct MoveMark {
  std::string id;  ///< Drawn for this move; the database it went to has the same.
  std::string to;  ///< That database, as it may be shown.
  friend bool operator==(const MoveMark&, const MoveMark&) = default;
};

/// The mark, or nothing when the register was not moved. Throws StoreFailure when what is there cannot be read.
std::optional<MoveMark> read_move_mark(const std::filesystem::path& directory);
/// Durably puts the mark there, whole or not at all.
void write_move_mark(const std::filesystem::path& directory, const MoveMark& mark);
/// Durably takes it away; one that is missing is no trouble.
void remove_move_mark(const std::filesystem::path& directory);

/// Refuses, with StoreFailure, a register that was moved: two databases that both go on would be two histories.
void expect_not_moved(const std::filesystem::path& directory);

}  // namespace cadastre::sqlite
