#include "http/images.h"

#include "http/answer.h"
#include "http/body.h"
#include "http/page.h"
#include "service/images.h"

namespace cadastre::http {
namespace {

void append_file_members(json::Object& object, const ImageFile& file) {
  object.field("url", file.url).field("sha256", encode_hex(file.sha256)).field("size_bytes", file.size_bytes);
}

void append_source_members(json::Object& object, const ImageFacts& facts) {
  object.field("format", name_of(facts.format));
  append_file_members(object, facts.file);
  if (facts.initrd) {
    json::Object initrd(object.key("initrd"));
    append_file_members(initrd, *facts.initrd);
    initrd.end();
  } else {
    object.null("initrd");
  }
  if (facts.cmdline.empty())
    object.null("cmdline");
  else
    object.field("cmdline", facts.cmdline);
  object.field("min_disk_gb", facts.min_disk.value);
}

void append_image(std::string& out, const Image& image) {
  json::Object object(out);
  object.field("name", image.facts.name).field("scope", image.tenant.is_platform() ? "platform" : "tenant");
  append_source_members(object, image.facts);
  append_time(object.key("created_at"), image.created_at);
  object.field("created_by", image.created_by);
  object.end();
}

Response image_answer(int status, const Image& image) {
  Response response{.status = status, .content_type = "application/json"};
  append_etag(response.headers, revision_of(image));
  append_image(response.body, image);
  return response;
}

/// The file beside a kernel: `{"url", "sha256", "size_bytes"}`, all of them required.
ImageFileOrder decode_initrd(Body& body, const json::Value& entry) {
  ImageFileOrder file;
  if (entry.kind != json::Kind::object) {
    body.wrong("/initrd", "must be an object");
    return file;
  }
  for (const auto& [name, value] : entry.members) {
    const std::string member = "initrd/" + name;
    if (name == "size_bytes")
      file.size_bytes = body.integer_of(member, value);
    else if (name != "url" && name != "sha256")
      body.wrong("/" + member, "is not a member of a file");
    else if (value.kind != json::Kind::string)
      body.wrong("/" + member, "must be a string");
    else
      (name == "url" ? file.url : file.sha256) = value.text;
  }
  for (const char* name : {"url", "sha256", "size_bytes"}) {
    if (entry.find(name) == nullptr) body.wrong(std::string("/initrd/") + name, "is required");
  }
  return file;
}

Result<ImageOrder> decode_image_order(const Request& request) {
  Body body = TRY(Body::parse(request));
  ImageOrder order{.name = body.text("name"), .format = body.text("format"), .file = {}};
  order.file.url = body.text("url");
  order.file.sha256 = body.text("sha256");
  order.file.size_bytes = body.integer("size_bytes");
  if (const json::Value* const initrd = body.raw("initrd")) order.initrd = decode_initrd(body, *initrd);
  order.cmdline = body.optional_text("cmdline");
  order.min_disk = Gigabytes{body.optional_integer("min_disk_gb").value_or(0)};
  TRY(body.finish());
  return order;
}

}  // namespace

void append_image_source(std::string& out, const Image& image) {
  json::Object object(out);
  append_source_members(object, image.facts);
  object.end();
}

Result<Response> post_image(const Call& call, Tx& tx) {
  const auto order = TRY(decode_image_order(call.request));
  const auto image = TRY(add_image(tx, call.services, call.caller, order));
  Response response = image_answer(201, image);
  ((response.headers += "Location: /v1/images/") += image.facts.name) += "\r\n";
  return response;
}

Result<Response> get_images(const Call& call, Reader& reader) {
  const Query query = TRY(Query::parse(call.request.query()));
  const auto page = TRY(parse_page(query, "images"));
  const auto offered = images(reader, call.tenant, {.after = page.after, .limit = page.size + 1});
  return list_answer("images", offered, page.size, append_image,
                     [](const Image& last) { return encode_page_token("images", last.facts.name); });
}

Result<Response> get_image(const Call& call, Reader& reader) {
  return image_answer(200, TRY(image(reader, call.tenant, call.path[0])));
}

Result<Response> remove_image(const Call& call, Tx& tx) {
  const auto if_match = TRY(parse_if_match(call.request));
  TRY(cadastre::remove_image(tx, call.services, call.caller, call.path[0], if_match));
  return Response{.status = 204};
}

}  // namespace cadastre::http
