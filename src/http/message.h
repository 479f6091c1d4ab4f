// Requests and answers as the handlers see them, and the bytes of an answer.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "http/head.h"

namespace cadastre::http {

/// One complete request. It owns all its bytes, so it may be moved to another thread and outlive its connection.
struct Request : Head {
  std::string body;  ///< After the transfer coding.
  /// The address at the other end of the connection, in text: `127.0.0.1`, `::1`; behind a trusted proxy its client's.
  std::string peer;
  /// Whether the connection's other side has proven a certificate of one of the authorities of `--tls-client-ca`.
  bool has_client_certificate = false;
};

/// One answer. The server adds Date, Content-Length and Connection.
struct Response {
  int status = 200;
  std::string content_type = {};  ///< No Content-Type field when empty.
  std::string headers = {};       ///< Further fields, each `Name: value\r\n`.
  std::string body = {};
  /// When set, sent in place of `body`, without a copy if it is long.
  std::shared_ptr<const std::string> shared_body = nullptr;
  bool close = false;                ///< Ends the connection after this answer.
  std::optional<Code> refused = {};  ///< Set in a problem document: why.
  /// Set when the body holds a token, which must not be kept: `<tenant>/<token_id>`, from which it can be signed again;
  /// `<tenant>/[<token_id>,…]` when it is a list of them, `<tenant>/@<token_id>` when it is a device's.
  std::string token_reference = {};
  /// Set when the body holds a secret that cannot be made again, or tells of an attempt that was counted: then an
  /// Idempotency-Key keeps nothing of it.
  bool is_never_kept = false;
  /// Set by a change that is not whole before the shared pool's worker has seen it (service/pool_worker.h): then it is
  /// answered.
  bool waits_for_pool = false;
  /// Set by a read that has no news for who asked: it may be asked again, until so long after the request.
  std::chrono::seconds may_wait{0};

  const std::string& content() const { return shared_body ? *shared_body : body; }
};

/// Reads `name=value&…` (the part of a target after `?`), each side percent-decoded (RFC 3986 section 2.1; `+` is a
/// plus sign). Refuses a name given twice or empty, a part without `=`, and escapes that are broken, stand for a
/// control character or are not UTF-8.
Result<std::vector<std::pair<std::string, std::string>>> decode_query(std::string_view query);

/// What an answer's head says beside the answer.
struct Delivery {
  std::string_view date_line = {};  ///< `Date: …\r\n`, or empty.
  bool http_1_0 = false;            ///< The request's version: then staying open is what has to be said.
  bool keep_alive = true;
};

/// Appends status line, fields and the empty line. 1xx, 204 and 304 go without Content-Length (RFC 9110 section 8.6).
void append_head(std::string& out, const Response& response, const Delivery& delivery);

/// Whether an answer of that status can have a body (RFC 9110 section 6.4.1).
bool has_body(int status);

/// `Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n` (RFC 9110 section 5.6.7).
std::string date_line(Instant at);

}  // namespace cadastre::http
