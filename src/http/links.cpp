#include "http/links.h"

#include "http/answer.h"
#include "http/page.h"
#include "service/links.h"

namespace cadastre::http {
namespace {

struct ShownLink {
  SeenLink link;
  bool is_revoked = false;
};

std::vector<ShownLink> shown(Reader& reader, const TenantId& tenant, std::vector<SeenLink> links) {
  const auto revoked = find_revoked(reader, tenant, links);
  std::vector<ShownLink> all;
  for (std::size_t i = 0; i < links.size(); ++i) all.push_back({std::move(links[i]), revoked[i]});
  return all;
}

void append_link(std::string& out, const ShownLink& each) {
  const SeenLink& link = each.link;
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
  object.field("revoked", each.is_revoked);
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
  const auto links =
      shown(reader, call.tenant, reader.links(call.tenant, {.after = TRY(link_after(page)), .limit = page.size + 1}));
  return list_answer("links", links, page.size, append_link,
                     [](const ShownLink& last) { return encode_page_token("links", as_text(last.link.rid)); });
}

}  // namespace cadastre::http
