#include "http/form.h"

#include <fmt/format.h>

#include "http/body.h"
#include "http/characters.h"

namespace cadastre::http {
namespace {

constexpr ByteSet form_characters = ByteSet("").with_range('!', '~');

}  // namespace

Result<Form> Form::parse(const Request& request) {
  if (media_type(request) != "application/x-www-form-urlencoded") {
    return refuse(Code::unsupported_media_type, "Content-Type", "Send the body as application/x-www-form-urlencoded.");
  }
  if (!form_characters.has_all(request.body)) {
    return refuse(Code::malformed, "body", "A form has visible ASCII characters alone; escape all others with %.");
  }
  std::string text;
  text.reserve(request.body.size());
  for (const char c : request.body) {
    if (c == '+')
      text += "%20";
    else
      text += c;
  }
  auto fields = Query::parse(text);
  if (!fields) {
    return refuse(Code::malformed, "body",
                  "The form must be name=value pairs with & between, each name once, escapes of text.");
  }
  return Form(*std::move(fields));
}

Result<std::string> Form::text(std::string_view name) const {
  auto value = fields_.find(name);
  if (!value || value->empty()) return refuse(Code::malformed, std::string(name), fmt::format("{} is required", name));
  return *std::move(value);
}

}  // namespace cadastre::http
