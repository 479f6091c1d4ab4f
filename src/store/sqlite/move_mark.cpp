#include "store/sqlite/move_mark.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>

#include "base/json.h"
#include "store/files/durable_file.h"

namespace cadastre::sqlite {
namespace {

constexpr std::size_t mark_bytes_max = 64U << 10U;
constexpr unsigned mark_mode = 0600;

std::string path_of_mark(const std::filesystem::path& directory) {
  return files::absolute_path((directory / "moved").string());
}

std::optional<std::string> member(const json::Value& object, std::string_view name) {
  const json::Value* const value = object.find(name);
  if (value == nullptr || value->kind != json::Kind::string) return std::nullopt;
  return value->text;
}

}  // namespace

std::optional<MoveMark> read_move_mark(const std::filesystem::path& directory) {
  const std::string path = path_of_mark(directory);
  const auto text = files::read_file(path, mark_bytes_max);
  if (!text) return std::nullopt;
  const auto parsed = json::parse(*text, 1);
  auto id = parsed.value ? member(*parsed.value, "move_id") : std::nullopt;
  auto to = parsed.value ? member(*parsed.value, "moved_to") : std::nullopt;
  if (!id || !to) {
    throw StoreFailure(
        fmt::format("{} says that the register was moved, and is damaged: it does not say where to; put "
                    "it back from a backup, or look for the new database",
                    path));
  }
  return MoveMark{*std::move(id), *std::move(to)};
}

void write_move_mark(const std::filesystem::path& directory, const MoveMark& mark) {
  const std::string path = path_of_mark(directory);
  std::string text;
  json::Object(text).field("move_id", mark.id).field("moved_to", mark.to).end();
  files::write_file(path + ".new", text + "\n", mark_mode);
  files::move_over(path + ".new", path);
}

void remove_move_mark(const std::filesystem::path& directory) {
  const std::string path = path_of_mark(directory);
  if (::unlink(path.c_str()) == 0) return files::sync_folder(files::parent_of(path));
  if (errno != ENOENT) throw files::failure_of("unlink", path);
}

void expect_not_moved(const std::filesystem::path& directory) {
  const auto mark = read_move_mark(directory);
  if (!mark) return;
  throw StoreFailure(
      fmt::format("the register in {} was moved to {}: name that with --store, and keep the data directory",
                  directory.string(), mark->to));
}

}  // namespace cadastre::sqlite
