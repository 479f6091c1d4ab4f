#include "agent/wish_journal.h"

#include <fmt/format.h>

#include <stdexcept>
#include <utility>

#include "base/json.h"
#include "base/secret_file.h"

namespace cadastre {
namespace {

constexpr int depth_max = 3;

[[noreturn]] void damaged(const std::string& path) {
  throw std::runtime_error(
      fmt::format("{} is damaged: take it away, and wishes that failed are tried once more", path));
}

std::pair<VmId, WishJournal::Entry> entry_of(const json::Value& record, const std::string& path) {
  const json::Value* const vm = record.find("vm_id");
  const json::Value* const generation = record.find("generation");
  const json::Value* const failure = record.find("failure");
  const auto id = vm != nullptr ? VmId::parse(vm->text) : std::nullopt;
  const auto number = generation != nullptr ? generation->integer() : std::nullopt;
  const json::Value* const begun = record.find("begun");
  const auto begun_number = begun != nullptr ? begun->integer() : std::nullopt;
  if (!id || !number || !begun_number || failure == nullptr) damaged(path);
  return {*id, {.generation = *number, .failure = failure->text, .begun = *begun_number}};
}

}  // namespace

WishJournal::WishJournal(std::string path) : path_(std::move(path)) {
  const auto content = path_.empty() ? std::nullopt : read_secret_file(path_);
  if (!content) return;
  const auto document = json::parse(*content, depth_max).value;
  const json::Value* const guests = document ? document->find("guests") : nullptr;
  if (guests == nullptr) damaged(path_);
  for (const json::Value& record : guests->elements) entries_.insert(entry_of(record, path_));
}

WishJournal::Entry WishJournal::find(const VmId& vm) const {
  const std::scoped_lock lock(mutex_);
  const auto found = entries_.find(vm);
  return found == entries_.end() ? Entry() : found->second;
}

void WishJournal::put(const VmId& vm, const Entry& entry) {
  const std::scoped_lock lock(mutex_);
  Entry& held = entries_[vm];
  if (held == entry) return;
  held = entry;
  save();
}

void WishJournal::keep_only(const std::set<VmId>& vms) {
  const std::scoped_lock lock(mutex_);
  if (std::erase_if(entries_, [&](const auto& entry) { return !vms.contains(entry.first); }) > 0) save();
}

void WishJournal::save() {
  if (path_.empty()) return;
  std::string out;
  json::Object document(out);
  document.key("guests") += '[';
  for (const auto& [vm, entry] : entries_) {
    if (out.back() != '[') out += ',';
    json::Object(out)
        .field("vm_id", vm.text())
        .field("generation", entry.generation)
        .field("failure", entry.failure)
        .field("begun", entry.begun)
        .end();
  }
  out += ']';
  document.end();
  write_secret_file(path_, out + "\n");
}

}  // namespace cadastre
