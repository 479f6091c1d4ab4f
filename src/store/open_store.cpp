#include "store/open_store.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "base/time.h"
#include "store/postgresql/address.h"
#include "store/postgresql/failure.h"
#include "store/postgresql/postgresql_store.h"
#include "store/sqlite/sqlite_store.h"

namespace cadastre {
namespace {

constexpr std::string_view sqlite_scheme = "sqlite:";
constexpr std::chrono::milliseconds first_pause{250};
constexpr std::chrono::milliseconds longest_pause{4'000};

/// Both spellings are libpq's.
bool is_postgresql(std::string_view setting) {
  return setting.starts_with("postgresql://") || setting.starts_with("postgres://");
}

/// The scheme of a setting that is not understood, which is all that may be shown of it: the rest may hold a password.
std::string scheme_of(std::string_view setting) {
  const std::string_view word = setting.substr(0, setting.find(':'));
  const bool is_scheme =
      word.size() < setting.size() &&
      std::ranges::all_of(word, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); });
  return is_scheme ? fmt::format(", not {}:…", word) : "";
}

/// A database that is down, starts or recovers, or is not the primary yet, is tried again, ever more seldom.
std::unique_ptr<Store> open_in_time(const std::string& url, const StartPatience& patience) {
  const SystemClock clock;
  const Tick give_up = clock.tick() + patience.limit;
  for (auto pause = first_pause;; pause = std::min(2 * pause, longest_pause)) {
    try {
      return open_postgresql_store({.url = url});
    } catch (const postgresql::Failure& failure) {
      if (failure.trouble() != postgresql::Trouble::connection || clock.tick() + pause > give_up) throw;
      log::warn("the store cannot be opened yet; it is tried again", {{"reason", failure.what()}});
      if (!patience.rest(pause)) throw;
    }
  }
}

}  // namespace

std::string store_in_folder(std::string_view folder) { return std::string(sqlite_scheme) + std::string(folder); }

std::optional<std::string> folder_of_store(std::string_view setting) {
  if (!setting.starts_with(sqlite_scheme)) return std::nullopt;
  return std::string(setting.substr(sqlite_scheme.size()));
}

std::optional<std::string> fault_of_store(std::string_view setting) {
  const auto folder = folder_of_store(setting);
  if (is_postgresql(setting) && postgresql::is_password_cut(setting)) return "must spell a / in its password %2F";
  if ((folder && !folder->empty()) || is_postgresql(setting)) return std::nullopt;
  return "must be sqlite:DIR or postgresql://…" + scheme_of(setting);
}

bool has_secret(std::span<char* const> arguments) {
  return std::ranges::any_of(arguments, [](const char* each) { return !postgresql::secrets_in(each).empty(); });
}

std::string shown_store(std::string_view setting) { return postgresql::without_secrets(setting); }

std::unique_ptr<Store> open_store(const std::string& setting, const StartPatience& patience) {
  if (is_postgresql(setting)) return open_in_time(setting, patience);
  return open_sqlite_store({.directory = folder_of_store(setting).value()});
}

std::unique_ptr<Reader> open_store_reader(const std::string& setting) {
  if (is_postgresql(setting)) return open_postgresql_reader(setting);
  return open_sqlite_reader(folder_of_store(setting).value());
}

std::unique_ptr<TileStore> open_store_tiles(const std::string& setting) {
  return is_postgresql(setting) ? open_postgresql_tiles(setting) : nullptr;
}

}  // namespace cadastre
