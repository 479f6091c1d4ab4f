#include "http/ssh_keys.h"

#include "http/answer.h"
#include "http/body.h"
#include "http/page.h"
#include "service/ssh_keys.h"

namespace cadastre::http {
namespace {

void append_ssh_key(std::string& out, const SshKey& key) {
  json::Object object(out);
  object.field("name", key.name)
      .field("type", key.public_key.substr(0, key.public_key.find(' ')))
      .field("fingerprint", fingerprint_of(key))
      .field("public_key", key.public_key);
  append_time(object.key("created_at"), key.created_at);
  object.field("created_by", key.created_by);
  object.end();
}

Response ssh_key_answer(int status, const SshKey& key) {
  Response response{.status = status, .content_type = "application/json"};
  append_etag(response.headers, revision_of(key));
  append_ssh_key(response.body, key);
  return response;
}

}  // namespace

Result<Response> post_ssh_key(const Call& call, Tx& tx) {
  Body body = TRY(Body::parse(call.request));
  const std::string name = body.text("name");
  const std::string line = body.text("public_key");
  TRY(body.finish());
  const auto key = TRY(add_ssh_key(tx, call.services, call.caller, name, line));
  Response response = ssh_key_answer(201, key);
  ((response.headers += "Location: /v1/ssh-keys/") += key.name) += "\r\n";
  return response;
}

Result<Response> get_ssh_keys(const Call& call, Reader& reader) {
  const Query query = TRY(Query::parse(call.request.query()));
  const auto page = TRY(parse_page(query, "ssh-keys"));
  const auto keys = reader.ssh_keys(call.tenant, {.after = page.after, .limit = page.size + 1});
  return list_answer("ssh_keys", keys, page.size, append_ssh_key,
                     [](const SshKey& last) { return encode_page_token("ssh-keys", last.name); });
}

Result<Response> get_ssh_key(const Call& call, Reader& reader) {
  return ssh_key_answer(200, TRY(ssh_key(reader, call.tenant, call.path[0])));
}

Result<Response> remove_ssh_key(const Call& call, Tx& tx) {
  const auto if_match = TRY(parse_if_match(call.request));
  TRY(cadastre::remove_ssh_key(tx, call.services, call.caller, call.path[0], if_match));
  return Response{.status = 204};
}

}  // namespace cadastre::http
