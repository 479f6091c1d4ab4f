// Moves a whole register from one engine of the store to the other, while no server runs.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "service/ports.h"
#include "store/files/tile_folder.h"

namespace cadastre {

/// What a move copied and found to be what it should be.
struct MoveFigures {
  std::uint64_t logs = 0;
  std::uint64_t leaves = 0;
  std::uint64_t files = 0;  ///< Of the published logs.
};

/// The rule that a move between these two settings breaks, as a sentence; nothing when there is none. Never repeats a
/// password.
std::optional<std::string> fault_of_move(std::string_view from, std::string_view to);

/// Nothing of it is kept, and the old register is as before, unless `run` returns or throws CommitUnknown.
class RegisterMove {
 public:
  /// Takes the old register, so that no server can start on it meanwhile. Requires settings without fault. Refuses,
  /// with StoreFailure, a register that a server has open or that was moved before, and a new database that is not
  /// empty.
  RegisterMove(const std::string& from, const std::string& to);
  ~RegisterMove();

  /// The old register, for checking it. Nothing may change it any more.
  Store& source();

  /// Copies every row, and the published files, in one transaction; reads all of it back, compares it with the old
  /// register and recounts it; marks the old register as moved; commits. `report` is told of each table and its rows.
  MoveFigures run(TileFolder& files, const std::function<void(std::string_view, std::uint64_t)>& report);

 private:
  class Parts;
  const std::unique_ptr<Parts> parts_;
};

}  // namespace cadastre
