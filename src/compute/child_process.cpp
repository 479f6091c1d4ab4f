#include "compute/child_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <system_error>

namespace cadastre {
namespace {

constexpr std::size_t output_bytes_max = 65'536;
constexpr std::size_t quoted_bytes_max = 500;

/// The reading end of a child's output.
struct Output {
  int fd = -1;
  std::string text = {};
  Output() = default;
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;
  ~Output() { end(); }
  void end() {
    if (fd >= 0) ::close(fd);
    fd = -1;
  }
  /// Takes what is there; ends at the end of the stream.
  void take() {
    std::array<char, 4096> buffer;
    const auto count = ::read(fd, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) return;
    if (count <= 0) return end();
    text.append(buffer.data(), std::min(static_cast<std::size_t>(count), output_bytes_max - text.size()));
  }
};

/// What a child starts with: nothing to read, and pipes to write to.
class SpawnActions {
 public:
  SpawnActions() {
    posix_spawn_file_actions_init(&actions_);
    posix_spawn_file_actions_addopen(&actions_, 0, "/dev/null", O_RDONLY, 0);
  }
  SpawnActions(const SpawnActions&) = delete;
  SpawnActions& operator=(const SpawnActions&) = delete;
  ~SpawnActions() {
    posix_spawn_file_actions_destroy(&actions_);
    for (const int fd : writing_ends_) ::close(fd);
  }
  void redirect(int fd, Output& to) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::system_error(errno, std::generic_category(), "pipe2");
    to.fd = ends[0];
    writing_ends_.push_back(ends[1]);
    posix_spawn_file_actions_adddup2(&actions_, ends[1], fd);
  }
  const posix_spawn_file_actions_t* get() const { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_{};
  std::vector<int> writing_ends_;
};

Result<pid_t> start(const std::vector<std::string>& arguments, Output& output, Output& errors) {
  SpawnActions actions;
  actions.redirect(1, output);
  actions.redirect(2, errors);
  std::vector<char*> argv;
  argv.reserve(arguments.size() + 1);
  for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  pid_t child = 0;
  const int error = ::posix_spawnp(&child, argv[0], actions.get(), nullptr, argv.data(), environ);
  if (error == 0) return child;
  return refuse(Code::unavailable, arguments[0],
                fmt::format("{} could not be started: {}.", arguments[0], std::strerror(error)));
}

/// Reads both outputs to their end; false when that takes beyond `deadline`.
bool read_all(Output& output, Output& errors, Tick deadline, const Clock& clock) {
  while (output.fd >= 0 || errors.fd >= 0) {
    const auto left = deadline - clock.tick();
    if (left.count() <= 0) return false;
    std::array<pollfd, 2> polled{{{output.fd, POLLIN, 0}, {errors.fd, POLLIN, 0}}};
    ::poll(polled.data(), polled.size(), static_cast<int>(std::min<std::int64_t>(left.count(), 60'000)));
    if (polled[0].revents != 0) output.take();
    if (polled[1].revents != 0) errors.take();
  }
  return true;
}

int wait_for(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

}  // namespace

Result<std::string> run_program(const std::vector<std::string>& arguments, std::chrono::milliseconds limit,
                                const Clock& clock) {
  Output output;
  Output errors;
  const Tick deadline = clock.tick() + limit;
  const pid_t child = TRY(start(arguments, output, errors));
  const bool in_time = read_all(output, errors, deadline, clock);
  if (!in_time) ::kill(child, SIGKILL);
  const int status = wait_for(child);
  if (in_time && WIFEXITED(status) && WEXITSTATUS(status) == 0) return std::move(output.text);
  const auto said = errors.text.substr(errors.text.size() - std::min(errors.text.size(), quoted_bytes_max));
  return refuse(Code::unavailable, arguments[0],
                in_time ? fmt::format("{} failed: {}", arguments[0], said)
                        : fmt::format("{} was ended after {} ms: {}", arguments[0], limit.count(), said));
}

}  // namespace cadastre
