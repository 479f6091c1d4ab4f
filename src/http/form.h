// Request bodies of the OAuth endpoints: one form, `application/x-www-form-urlencoded`.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "http/message.h"
#include "http/query.h"

namespace cadastre::http {

/// The fields of a form, each once.
class Form {
 public:
  /// Reads a body (WHATWG URL section 5.1: `+` is a space). Refuses another media type (415), bytes that no form has,
  /// and what `decode_query` refuses. No refusal repeats what was sent.
  static Result<Form> parse(const Request& request);
  /// A required field. Refuses a missing or empty one.
  Result<std::string> text(std::string_view name) const;
  /// Refuses a field that is not among these words.
  Result<void> only(std::string_view names) const { return fields_.only(names); }

 private:
  explicit Form(Query fields) : fields_(std::move(fields)) {}
  Query fields_;
};

}  // namespace cadastre::http
