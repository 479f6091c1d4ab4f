// A blocking HTTP/1.1 client for the programs that talk to a server.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

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

struct HeaderField {
  std::string name;
  std::string value;
};

/// What is asked. `path` is sent as it stands, such as `/v1/vms?state=Running`.
struct ClientRequest {
  std::string method = "GET";
  std::string path;
  std::string body = {};                  ///< JSON, unless a header says otherwise; empty when there is none.
  std::vector<HeaderField> headers = {};  ///< Beside, or in place of, those that the client itself sets.
  bool is_idempotent = false;             ///< To ask twice does no more than to ask once.

  /// May it be sent again when nobody knows whether it arrived? A GET, what has an `Idempotency-Key`, and what says so.
  bool is_repeatable() const;
};

struct Reply {
  unsigned status = 0;
  std::string body;
  std::vector<HeaderField> headers = {};

  /// The first field of that name, in whatever case; nothing when there is none.
  std::optional<std::string_view> header(std::string_view name) const;
};

/// The server could not be asked, or did not answer as HTTP does.
class ClientFailure : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// One connection, kept open between requests. TLS certificates are checked against the authorities and the host's
/// name. Not for several threads, but for `interrupt`.
class Client {
 public:
  /// `token` may be empty; it is sent as a Bearer credential. The authorities are the system's, or those of a PEM file
  /// and no others. Throws ClientFailure when that file cannot be used.
  Client(ServerUrl url, std::string token, std::string authorities_file = "");
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client();

  /// Any answer, refusals too. Bodies up to 64 MiB; 30 s in all. Throws ClientFailure.
  Reply send(const ClientRequest& query);
  Reply get(const std::string& path) { return send({.path = path}); }
  /// From another thread: the exchange that is under way, and every later one, ends at once with ClientFailure.
  void interrupt();

 private:
  class Connection;
  void forget_connection();

  const ServerUrl url_;
  const std::string token_;
  const std::string authorities_file_;
  std::mutex mutex_;  ///< Guards which connection it is, and the interruption.
  std::unique_ptr<Connection> connection_;
  bool is_interrupted_ = false;
};

}  // namespace cadastre::http
