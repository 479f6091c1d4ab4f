// From the setting `store` to the store: the one place that knows the engines by name.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "service/ports.h"

namespace cadastre {

/// What the setting may be, for the help.
constexpr std::string_view store_help = "sqlite:DIR or postgresql://…; by default the data directory";

/// The setting of the engine that keeps its data in a folder.
std::string store_in_folder(std::string_view folder);
/// The folder that the setting names, if it names one.
std::optional<std::string> folder_of_store(std::string_view setting);

/// The rule that the setting breaks, as the end of a sentence about it; nothing when it is well formed. Never repeats a
/// password.
std::optional<std::string> fault_of_store(std::string_view setting);
/// One of a program's arguments holds a password, which everybody on the machine can read there.
bool has_secret(std::span<char* const> arguments);
/// What to do about that, as the end of a sentence about the setting.
constexpr std::string_view secret_advice =
    "must not hold a password on the command line, where everybody on this machine can read it: put the URL into "
    "CADASTRE_STORE or the --config file, or the password into ~/.pgpass";
/// The setting without what must not be shown.
std::string shown_store(std::string_view setting);

/// How long a program that starts waits for a store that cannot be reached yet.
struct StartPatience {
  std::chrono::milliseconds limit{0};  ///< 0: it tries once.
  /// Waits that long; false when the program is to end instead.
  std::function<bool(std::chrono::milliseconds)> rest;
};

/// Opens the store, or makes it, and brings its schema up to date. Requires a setting without fault. Throws
/// StoreFailure with a sentence for the operator; of a store that cannot be reached, after the patience.
std::unique_ptr<Store> open_store(const std::string& setting, const StartPatience& patience = {});
/// A reader for another program than the server. Throws StoreFailure when there is no store of this schema.
std::unique_ptr<Reader> open_store_reader(const std::string& setting);
/// The published files, to be read by such a program; null when they lie in the data directory.
std::unique_ptr<TileStore> open_store_tiles(const std::string& setting);

}  // namespace cadastre
