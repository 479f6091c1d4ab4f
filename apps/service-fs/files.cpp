#include "files.h"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "service/ports.h"

namespace cadastre {

void write_file(const std::string& path, std::string_view bytes) {
  const std::filesystem::path target = std::filesystem::absolute(path);
  const std::filesystem::path fresh = target.string() + ".new";
  std::error_code fault;
  std::filesystem::create_directories(target.parent_path(), fault);
  std::ofstream file(fresh, std::ios::binary | std::ios::trunc);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.close();
  if (!fault && file) std::filesystem::rename(fresh, target, fault);
  if (fault || !file)
    throw StoreFailure(fmt::format("cannot write {}: {}", path, fault ? fault.message() : "I/O error"));
}

std::optional<std::string> read_file(const std::string& path) {
  std::error_code fault;
  if (!std::filesystem::exists(path, fault)) return std::nullopt;
  std::ifstream file(path, std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(file), {}};
  if (!file) throw StoreFailure(fmt::format("cannot read {}", path));
  return bytes;
}

}  // namespace cadastre
