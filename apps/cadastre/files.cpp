#include "files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <span>
#include <system_error>

#include "base/descriptor.h"
#include "base/secret_file.h"
#include "program.h"

namespace cadastre {
namespace {

constexpr std::size_t text_bytes_max = 1U << 20U;
constexpr mode_t secret_mode = 0600;
constexpr mode_t others = 077;

[[noreturn]] void fail(const char* action, const std::string& path) {
  file_error(fmt::format("cannot {} {}: {}", action, path, std::generic_category().message(errno)));
}

/// `-` is standard input.
Descriptor open_file(const std::string& path, int flags, const char* action) {
  Descriptor file(path == "-" ? ::dup(STDIN_FILENO) : ::open(path.c_str(), flags | O_CLOEXEC, secret_mode));
  if (file.number() < 0) fail(action, path);
  return file;
}

/// What is read next, into the buffer; empty at the end.
std::string_view read_some(const Descriptor& file, std::span<char> buffer, const std::string& path) {
  ssize_t got = 0;
  while ((got = ::read(file.number(), buffer.data(), buffer.size())) < 0) {
    if (errno != EINTR) fail("read", path);
  }
  return {buffer.data(), static_cast<std::size_t>(got)};
}

std::string rest_of(const Descriptor& file, const std::string& path) {
  std::string text;
  for (char buffer[4096];;) {
    const std::string_view piece = read_some(file, buffer, path);
    if (piece.empty()) return text;
    text += piece;
    if (text.size() > text_bytes_max) file_error(fmt::format("cannot read {}: it is longer than 1 MiB", path));
  }
}

}  // namespace

std::string read_text(const std::string& path) { return rest_of(open_file(path, O_RDONLY, "read"), path); }

FileDigest digest_of(const std::string& path) {
  const Descriptor file = open_file(path, O_RDONLY, "read");
  FileDigest digest;
  Sha256Stream stream;
  for (char buffer[65536];;) {
    const std::string_view piece = read_some(file, buffer, path);
    if (piece.empty()) break;
    stream.add(as_bytes(piece));
    digest.size_bytes += static_cast<std::int64_t>(piece.size());
  }
  digest.sha256 = stream.finish();
  return digest;
}

std::string read_secret(const std::string& path) {
  const Descriptor file = open_file(path, O_RDONLY, "read");
  struct stat about{};
  if (::fstat(file.number(), &about) != 0) fail("read", path);
  if (path != "-" && S_ISREG(about.st_mode) && (about.st_mode & others) != 0) {
    file_error(fmt::format("{} holds a secret and others can read it: run `chmod 600 {}`", path, path));
  }
  return rest_of(file, path);
}

std::string parse_token(std::string_view text, const std::string& origin) {
  constexpr std::string_view white_space = " \t\r\n";
  const std::size_t first = text.find_first_not_of(white_space);
  const std::string_view token =
      first == std::string_view::npos ? "" : text.substr(first, text.find_last_not_of(white_space) - first + 1);
  const auto visible = [](char c) { return '!' <= c && c <= '~'; };
  if (token.empty()) usage_error(fmt::format("there is no token in {}", origin));
  if (!std::ranges::all_of(token, visible)) usage_error(fmt::format("{} must hold a token and nothing else", origin));
  return std::string(token);
}

std::string read_token(const std::string& path) {
  return parse_token(read_secret(path), path == "-" ? "standard input" : path);
}

void require_absent(const std::string& path) {
  std::error_code fault;
  if (path.empty() || !std::filesystem::exists(std::filesystem::symlink_status(path, fault))) return;
  file_error(fmt::format("cannot make {}: it is there already", path));
}

void create_secret(const std::string& path, std::string_view text) {
  if (path.empty() || path == "-") usage_error("a secret is written to a file of its own: give its name");
  const Descriptor file = open_file(path, O_WRONLY | O_CREAT | O_EXCL, "make");
  if (!write_all(file, text) || ::fsync(file.number()) != 0) fail("write", path);
}

void replace_file(const std::string& path, std::string_view text) {
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  if (!std::filesystem::exists(folder)) {
    std::error_code fault;
    std::filesystem::create_directories(folder, fault);
    if (!fault) std::filesystem::permissions(folder, std::filesystem::perms::owner_all, fault);
    if (fault) file_error(fmt::format("cannot make {}: {}", folder.string(), fault.message()));
  }
  try {
    write_secret_file(path, text);
  } catch (const std::system_error& fault) {
    file_error(fault.what());
  }
}

std::optional<std::string> read_if_there(const std::string& path) {
  std::error_code fault;
  if (!std::filesystem::exists(path, fault) && !fault) return std::nullopt;
  return read_text(path);
}

std::string environment(const char* name) {
  const char* const value = std::getenv(name);  // no thread of ours changes the environment
  return value != nullptr ? value : "";
}

std::string config_path() {
  std::string folder = environment("XDG_CONFIG_HOME");
  if (!folder.starts_with('/')) {  // a relative one is to be ignored
    const std::string home = environment("HOME");
    if (home.empty()) usage_error("contexts need HOME or XDG_CONFIG_HOME to be set");
    folder = home + "/.config";
  }
  return folder + "/cadastre/config.toml";
}

std::string absolute_path(const std::string& path) {
  return std::filesystem::absolute(path).lexically_normal().string();
}

}  // namespace cadastre
