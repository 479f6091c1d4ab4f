#include "control_socket.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace cadastre {
namespace {

constexpr std::size_t line_bytes_max = 64 * 1024;
constexpr int patience_ms = 10'000;

[[noreturn]] void fail(const char* call) {
  throw std::system_error(errno, std::generic_category(), fmt::format("control socket: {}", call));
}

/// A socket address takes 107 characters; a path through the folder's descriptor always fits.
class FolderAddress {
 public:
  explicit FolderAddress(const std::filesystem::path& folder)
      : folder_(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)) {
    address_.sun_family = AF_UNIX;
    const auto path = fmt::format("/proc/self/fd/{}/control.sock", folder_);
    std::memcpy(address_.sun_path, path.c_str(), path.size() + 1);
  }
  FolderAddress(const FolderAddress&) = delete;
  FolderAddress& operator=(const FolderAddress&) = delete;
  ~FolderAddress() {
    if (folder_ >= 0) ::close(folder_);
  }
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&address_); }
  static socklen_t size() { return sizeof(sockaddr_un); }

 private:
  int folder_;
  sockaddr_un address_{};
};

void limit_waiting(int socket) {
  const timeval limit{.tv_sec = patience_ms / 1000, .tv_usec = 0};
  ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

/// One line without its end; empty when the other side says nothing in time.
std::string read_line(int socket) {
  std::string line;
  std::array<char, 4096> buffer;
  while (line.size() < line_bytes_max && line.find('\n') == std::string::npos) {
    const ssize_t got = ::recv(socket, buffer.data(), buffer.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return {};
    line.append(buffer.data(), static_cast<std::size_t>(got));
  }
  return line.substr(0, line.find('\n'));
}

bool write_line(int socket, std::string line) {
  line += '\n';
  for (std::string_view rest = line; !rest.empty();) {
    const ssize_t sent = ::send(socket, rest.data(), rest.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    rest.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

}  // namespace

ControlSocket::ControlSocket(const std::filesystem::path& data_dir, Answer answer)
    : path_(data_dir / "control.sock"), answer_(std::move(answer)) {
  std::filesystem::remove(path_);
  stop_event_ = ::eventfd(0, EFD_CLOEXEC);
  listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (stop_event_ < 0 || listener_ < 0) fail("socket");
  const FolderAddress address(data_dir);
  if (::fchmod(listener_, 0600) != 0) fail("fchmod");  // Linux makes the file with the socket's mode
  if (::bind(listener_, address.get(), FolderAddress::size()) != 0) fail("bind");
  if (::chmod(path_.c_str(), 0600) != 0) fail("chmod");
  if (::listen(listener_, 8) != 0) fail("listen");
  thread_ = std::thread([this] { serve(); });
}

ControlSocket::~ControlSocket() {
  const std::uint64_t one = 1;
  if (::write(stop_event_, &one, sizeof one) == sizeof one) thread_.join();
  ::close(listener_);
  ::close(stop_event_);
  std::error_code ignored;  // the next start removes what is left
  std::filesystem::remove(path_, ignored);
}

void ControlSocket::serve() {
  std::array<pollfd, 2> waits{pollfd{.fd = listener_, .events = POLLIN, .revents = 0},
                              pollfd{.fd = stop_event_, .events = POLLIN, .revents = 0}};
  while (true) {
    if (::poll(waits.data(), waits.size(), -1) < 0 && errno != EINTR) return;
    if (waits[1].revents != 0) return;
    if ((waits[0].revents & POLLIN) == 0) continue;
    const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) continue;
    limit_waiting(client);
    serve_one(client);
    ::close(client);
  }
}

void ControlSocket::serve_one(int client) const {
  const std::string request = read_line(client);
  if (!request.empty()) write_line(client, answer_(request));
}

std::optional<std::string> ask_running_server(const std::filesystem::path& data_dir, const std::string& request) {
  const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket < 0) fail("socket");
  limit_waiting(socket);
  const FolderAddress address(data_dir);
  std::optional<std::string> answer;
  if (::connect(socket, address.get(), FolderAddress::size()) == 0 && write_line(socket, request))
    answer = read_line(socket);
  ::close(socket);
  return answer;
}

std::string text_member(const json::Value& object, std::string_view name) {
  const json::Value* const value = object.find(name);
  return value != nullptr ? value->text : std::string();
}

int print_control_answer(const std::string& answer, std::string_view name, std::string_view end) {
  const auto parsed = json::parse(answer, 2);
  const std::string text = parsed.value ? text_member(*parsed.value, name) : "";
  if (!text.empty()) {
    fmt::print("{}{}", text, end);
    return 0;
  }
  fmt::print(stderr, "service-vm-tenant: {}\n",
             parsed.value ? text_member(*parsed.value, "error") : "the running server gave no answer; look at its log");
  return 1;
}

}  // namespace cadastre
