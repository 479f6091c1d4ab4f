// Calls of the HTTP API, and their answers as people or programs want them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "http/client.h"
#include "program.h"
#include "settings.h"
#include "table.h"

namespace cadastre {

/// A text as a part of a path or query (RFC 3986 section 2.1).
std::string escaped(std::string_view text);

/// The parameters of a query, those with a value: `?state=Running`.
class Parameters {
 public:
  Parameters& add(std::string_view name, std::string_view value);
  Parameters& add(std::string_view name, std::optional<std::int64_t> value);
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

/// Why the server said no, in a sentence with the problem's code and the request's id.
std::string problem_sentence(const http::Reply& reply);

/// One server, asked as one caller. Throws Failure when it refuses, and http::ClientFailure when it cannot be asked.
class Api {
 public:
  /// With the credential of the settings.
  explicit Api(Program& program);
  /// With this one; empty: with none. A key is needed where the credential demands proof of it.
  Api(Program& program, Settings settings, std::string credential);

  /// A success, of whatever kind.
  http::Reply call(const std::string& method, const std::string& path, const std::string& body = "");
  /// Any answer. A POST carries an `Idempotency-Key`, so that it may be sent twice and happens once.
  http::Reply send(const std::string& method, const std::string& path, const std::string& body = "");
  /// The JSON of a GET.
  json::Value get(const std::string& path);
  /// The elements of a list, page after page, at most `limit`. `path` has no page in its parameters yet.
  std::vector<json::Value> list(const std::string& path, std::string_view member, std::optional<std::int64_t> limit);

  const std::string& credential() const { return credential_; }
  /// `/v1/tenants/{t}` of the tenant in force.
  std::string tenant_path() const;

 private:
  std::vector<http::HeaderField> fields(const std::string& method, const std::string& path) const;

  Program& program_;
  Settings settings_;
  std::string credential_;
  std::optional<PrivateKey> prover_;  ///< Where the credential demands proof of its key.
  http::Client client_;
};

/// A JSON document from outside, as deep as any of the API's. Throws Failure when it is none.
json::Value parse_document(std::string_view text, const std::string& origin);

/// The answer without its token, which goes into a new file.
http::Reply with_token_in_file(http::Reply reply, const std::string& path);
/// Prints the answer's record: the body, or a table of its members. An answer without a body prints nothing.
ExitCode print_record(const Program& program, const http::Reply& reply);
/// Prints a list under the name that the API gives it.
ExitCode print_list(const Program& program, std::string_view member, const std::vector<json::Value>& records,
                    const std::vector<Column>& columns);

}  // namespace cadastre
