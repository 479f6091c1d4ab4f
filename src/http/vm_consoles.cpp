#include "http/vm_consoles.h"

#include "http/body.h"
#include "service/vm_consoles.h"

namespace cadastre::http {

Result<Response> put_console(const Call& call, Tx& tx) {
  if (media_type(call.request) != "application/octet-stream") {
    return refuse(Code::unsupported_media_type, "Content-Type", "Send the body as application/octet-stream.");
  }
  TRY(keep_console(tx, call.services, call.caller, call.path[0], call.path[1], call.request.body));
  return Response{.status = 204};
}

Result<Response> get_console(const Call& call, Reader& reader) {
  auto kept = TRY(vm_console(reader, call.tenant, call.path[0]));
  Response response{.status = 200,
                    .content_type = "text/plain; charset=utf-8",
                    .headers = "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"};
  if (!kept) return response;
  // The same form as Date's (RFC 9110 section 8.8.2), whose line begins with the name.
  constexpr std::string_view date = "Date: ";
  (response.headers += "Last-Modified: ") += date_line(kept->updated_at).substr(date.size());
  response.body = std::move(kept->bytes);
  return response;
}

}  // namespace cadastre::http
