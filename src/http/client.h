// A blocking HTTP/1.1 client for the programs that read from a server.
#pragma once

#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include "base/result.h"

namespace cadastre::http {

/// Where a server is: `https://host:9221/prefix`.
struct ServerUrl {
  bool is_tls = false;
  std::string host;  ///< An IPv6 address without its brackets.
  std::string port;
  std::string prefix;  ///< Before every path; without a last slash.

  /// http or https; no user, query or fragment. The port is the scheme's when absent.
  static Result<ServerUrl> parse(std::string_view text);
  /// The `Host` header (RFC 9110 section 7.2).
  std::string authority() const;
};

struct Reply {
  unsigned status = 0;
  std::string body;
};

/// The server could not be asked, or did not answer as HTTP does.
class ClientFailure : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// One connection, kept open between requests. TLS certificates are checked against the system's authorities and the
/// host's name. Not for several threads.
class Client {
 public:
  /// `token` may be empty; it is sent as a Bearer credential.
  Client(ServerUrl url, std::string token);
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client();

  /// GET of a path such as `/v1/ledger/checkpoint`, which is sent as it stands. Bodies up to 64 MiB; 30 s in all.
  /// Throws ClientFailure.
  Reply get(const std::string& path);

 private:
  class Connection;
  const ServerUrl url_;
  const std::string token_;
  std::unique_ptr<Connection> connection_;
};

}  // namespace cadastre::http
