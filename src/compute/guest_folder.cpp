#include "compute/guest_folder.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/invariant.h"

namespace cadastre {
namespace {

constexpr std::size_t console_bytes_max = 65'536;

void create_private(const std::string& path) {
  std::filesystem::create_directories(path);
  std::filesystem::permissions(path, std::filesystem::perms::owner_all);
}

/// The last bytes of a file, at most `count`; nothing of a missing one.
std::string tail_of(const std::string& path, std::size_t count) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) return {};
  const auto size = static_cast<std::streamoff>(file.tellg());
  file.seekg(std::max<std::streamoff>(0, size - static_cast<std::streamoff>(count)));
  std::string text(std::istreambuf_iterator<char>(file), {});
  if (text.size() > count) text.erase(0, text.size() - count);  // the guest wrote meanwhile
  return text;
}

}  // namespace

GuestFolder::GuestFolder(std::string root) : root_(std::move(root)) {
  CHECK_INVARIANT(root_.starts_with('/'));
  if (!std::filesystem::exists(root_)) create_private(root_);
}

void GuestFolder::create(const VmId& id) const { create_private(path(id)); }

void GuestFolder::remove(const VmId& id) const { std::filesystem::remove_all(path(id)); }

void GuestFolder::remove(const VmId& id, std::error_code& error) const { std::filesystem::remove_all(path(id), error); }

std::vector<VmId> GuestFolder::ids() const {
  std::vector<VmId> ids;
  for (const auto& entry : std::filesystem::directory_iterator(root_)) {
    const auto name = entry.path().filename().string();
    const auto id = VmId::parse(name);
    if (id && id->text() == name) ids.push_back(*id);
  }
  return ids;
}

std::string GuestFolder::console_tail(const VmId& id) const {
  auto text = tail_of(console(id), console_bytes_max);
  if (text.size() == console_bytes_max) return text;
  return tail_of(console(id) + ".0", console_bytes_max - text.size()) + text;
}

}  // namespace cadastre
