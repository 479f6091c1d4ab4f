#include "answers.h"

#include <fmt/format.h>

#include <optional>
#include <utility>

namespace cadastre {
namespace {

constexpr int document_depth_max = 16;

[[noreturn]] void not_understood(const std::string& what) {
  throw ControlPlaneAway(fmt::format("its answer cannot be understood: {}", what));
}

const json::Value& member_of(const json::Value& object, std::string_view name, json::Kind kind) {
  const json::Value* const value = object.find(name);
  if (value == nullptr || value->kind != kind) not_understood(fmt::format("it has no {}", name));
  return *value;
}

std::int64_t number_of(const json::Value& object, std::string_view name) {
  const auto number = member_of(object, name, json::Kind::number).integer();
  if (!number || *number < 0) not_understood(fmt::format("{} is no number", name));
  return *number;
}

/// Text for a log or a terminal: nothing that steers it.
std::string printable(std::string_view text) {
  std::string out;
  for (const char c : text) out += static_cast<unsigned char>(c) < ' ' || c == '\x7f' ? ' ' : c;
  return out;
}

std::string problem_member(const http::Reply& reply, std::string_view name) {
  const auto problem = json::parse(reply.body, document_depth_max).value;
  const json::Value* const value = problem ? problem->find(name) : nullptr;
  return value != nullptr && value->kind == json::Kind::string ? printable(value->text) : "";
}

GuestWish wish_of(const std::string& text) {
  if (text == "run") return GuestWish::run;
  if (text == "stop") return GuestWish::stop;
  if (text == "delete") return GuestWish::remove;
  not_understood(fmt::format("there is no wish {}", printable(text)));
}

std::vector<PortOrder> ports_of(const json::Value& record) {
  std::vector<PortOrder> ports;
  for (const json::Value& port : member_of(record, "ports", json::Kind::array).elements) {
    const std::int64_t number = number_of(port, "guest_port");
    if (number < 1 || number > 65535) not_understood("guest_port is no port");
    ports.push_back({.guest_port = static_cast<int>(number), .protocol = text_of(port, "protocol")});
  }
  return ports;
}

ImageFile image_file_of(const json::Value& record) {
  const auto bytes = decode_hex(text_of(record, "sha256"));
  const auto digest = bytes ? exactly<32>(*bytes) : std::nullopt;
  if (!digest) not_understood("sha256 is none");
  return {.url = text_of(record, "url"), .sha256 = *digest, .size_bytes = number_of(record, "size_bytes")};
}

ImageFormat image_format_of(const std::string& format) {
  if (format == "qcow2") return ImageFormat::qcow2;
  if (format == "raw") return ImageFormat::raw;
  if (format == "kernel") return ImageFormat::kernel;
  not_understood(fmt::format("there is no image format {}", printable(format)));
}

/// A member that may be missing, or null.
const json::Value* given(const json::Value& object, std::string_view name) {
  const json::Value* const value = object.find(name);
  return value == nullptr || value->kind == json::Kind::null ? nullptr : value;
}

std::optional<ImageFacts> image_of(const json::Value& record) {
  const json::Value* const image = given(record, "image");
  if (image == nullptr) return std::nullopt;
  ImageFacts wished{.name = text_of(record, "vm_type"),
                    .format = image_format_of(text_of(*image, "format")),
                    .file = image_file_of(*image)};
  if (const json::Value* const initrd = given(*image, "initrd")) wished.initrd = image_file_of(*initrd);
  if (given(*image, "cmdline") != nullptr) wished.cmdline = text_of(*image, "cmdline");
  if (given(*image, "min_disk_gb") != nullptr) wished.min_disk = Gigabytes{number_of(*image, "min_disk_gb")};
  return wished;
}

std::vector<std::string> keys_of(const json::Value& record) {
  std::vector<std::string> keys;
  if (given(record, "ssh_authorized_keys") == nullptr) return keys;
  for (const json::Value& key : member_of(record, "ssh_authorized_keys", json::Kind::array).elements) {
    if (key.kind != json::Kind::string) not_understood("an SSH key is no text");
    keys.push_back(key.text);
  }
  return keys;
}

RestartPolicy restart_policy_of(const json::Value& record) {
  if (given(record, "restart_policy") == nullptr) return RestartPolicy::never;
  const std::string text = text_of(record, "restart_policy");
  if (const auto policy = parse_restart_policy(text)) return *policy;
  not_understood(fmt::format("there is no restart policy {}", printable(text)));
}

WishedGuest wished_guest_of(const json::Value& record) {
  const auto id = VmId::parse(text_of(record, "vm_id"));
  auto tenant = TenantId::parse(text_of(record, "tenant_id"));
  if (!id || !tenant) not_understood("vm_id or tenant_id is none");
  return {.id = *id,
          .tenant = *std::move(tenant),
          .generation = number_of(record, "generation"),
          .wish = wish_of(text_of(record, "wish")),
          .name = text_of(record, "name"),
          .vm_type = text_of(record, "vm_type"),
          .ram = Mebibytes{number_of(record, "ram_mb")},
          .vcpus = VcpuCount{number_of(record, "vcpu_count")},
          .disk = Gigabytes{number_of(record, "disk_gb")},
          .ports = ports_of(record),
          .image = image_of(record),
          .ssh_authorized_keys = keys_of(record),
          .restart = restart_policy_of(record)};
}

Code code_of(unsigned status) {
  switch (status) {
    case 400: return Code::malformed;
    case 401: return Code::unauthenticated;
    case 404: return Code::not_found;
    case 409: return Code::conflict;
    case 422: return Code::invalid_field;
    default: return Code::forbidden;
  }
}

}  // namespace

std::vector<DisbelievedReport> decode_disbelieved(const http::Reply& reply) {
  std::vector<DisbelievedReport> disbelieved;
  const json::Value document = object_of(reply);
  for (const json::Value& record : member_of(document, "refused", json::Kind::array).elements) {
    const auto id = VmId::parse(text_of(record, "vm_id"));
    if (!id) not_understood("vm_id is none");
    disbelieved.push_back({.vm = *id, .detail = printable(text_of(record, "detail"))});
  }
  return disbelieved;
}

json::Value object_of(const http::Reply& reply) {
  auto document = json::parse(reply.body, document_depth_max).value;
  if (!document || document->kind != json::Kind::object) not_understood("it is no JSON object");
  return *std::move(document);
}

std::string text_of(const json::Value& object, std::string_view name) {
  return member_of(object, name, json::Kind::string).text;
}

std::string problem_reason(const http::Reply& reply) { return problem_member(reply, "reason"); }

std::string problem_sentence(const http::Reply& reply) {
  std::string detail = problem_member(reply, "detail");
  if (detail.empty()) return fmt::format("the control plane answers {}", reply.status);
  if (detail.ends_with('.')) detail.pop_back();
  const std::string reason = problem_reason(reply);
  return fmt::format("{} ({}{})", detail, problem_member(reply, "code"), reason.empty() ? "" : ": " + reason);
}

Refusal refusal_of(const http::Reply& reply) {
  return {.code = code_of(reply.status), .subject = problem_reason(reply), .detail = problem_sentence(reply)};
}

NodeWishes decode_wishes(const http::Reply& reply) {
  const json::Value document = object_of(reply);
  NodeWishes wishes{.number = number_of(document, "wishes"), .guests = {}};
  for (const json::Value& record : member_of(document, "vms", json::Kind::array).elements)
    wishes.guests.push_back(wished_guest_of(record));
  return wishes;
}

}  // namespace cadastre
