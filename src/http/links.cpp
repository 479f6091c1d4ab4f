#include "http/links.h"

#include "http/answer.h"
#include "http/page.h"

namespace cadastre::http {
namespace {

void append_link(std::string& out, const SeenLink& link) {
  json::Object object(out);
  object.field("rid", encode_base64url(link.rid))
      .field("jti", link.id)
      .field("tenant_id", link.tenant.text())
      .field("parent", encode_base64url(link.parent))
      .field("root", encode_base64url(link.root))
      .field("depth", link.depth)
      .field("scope", link.scope)
      .field("subject_pubkey", encode_base64url(link.subject_key));
  object.key("caveats") += link.caveats.empty() ? "[]" : link.caveats;
  append_time(object.key("issued_at"), link.issued_at);
  append_time(object.key("not_before"), link.not_before);
  append_time(object.key("expires_at"), link.expires_at);
  append_time(object.key("first_seen"), link.first_seen);
  append_time(object.key("last_seen"), link.last_seen);
  object.end();
}

Result<std::optional<RevocationId>> link_after(const PageRequest& page) {
  if (page.after.empty()) return std::optional<RevocationId>();
  auto rid = exactly<32>(page.after);
  if (!rid) return refuse(Code::malformed, "page_token", "page_token is not one that this list has given.");
  return rid;
}

}  // namespace

Result<Response> get_links(const Call& call, Reader& reader) {
  const Query query = TRY(Query::parse(call.request.query()));
  const auto page = TRY(parse_page(query, "links"));
  const auto tenant = reader.tenant(call.tenant);
  if (!tenant || tenant->state == TenantState::deleted) {
    return refuse(Code::not_found, "tenant", "There is no such tenant.");
  }
  const auto links = reader.links(call.tenant, {.after = TRY(link_after(page)), .limit = page.size + 1});
  return list_answer(
      "links", links, page.size, [](std::string& out, const SeenLink& link) { append_link(out, link); },
      [](const SeenLink& last) { return encode_page_token("links", as_text(last.rid)); });
}

}  // namespace cadastre::http
