// Commands to a running server from its own machine: a Unix socket that only the data directory's owner can open.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "base/json.h"

namespace cadastre {

/// `<data-dir>/control.sock` (0600). A client sends one line of JSON and gets one line back.
class ControlSocket {
 public:
  using Answer = std::function<std::string(const std::string& request)>;

  /// Listens, and answers from a thread of its own. Throws std::system_error.
  ControlSocket(const std::filesystem::path& data_dir, Answer answer);
  ControlSocket(const ControlSocket&) = delete;
  ControlSocket& operator=(const ControlSocket&) = delete;
  ~ControlSocket();

 private:
  void serve();
  void serve_one(int client) const;

  const std::filesystem::path path_;
  Answer answer_;
  int listener_ = -1;
  int stop_event_ = -1;
  std::thread thread_;
};

/// Asks the server that runs on this data directory; nothing when none does.
std::optional<std::string> ask_running_server(const std::filesystem::path& data_dir, const std::string& request);

/// The text of a member of a request or an answer; empty when there is none.
std::string text_member(const json::Value& object, std::string_view name);

/// Prints that member of a server's answer and `end`, or on the other channel why there is none; answers the exit code.
int print_control_answer(const std::string& answer, std::string_view name, std::string_view end);

}  // namespace cadastre
