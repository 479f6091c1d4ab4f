#include "ledger/event.h"

#include <algorithm>
#include <utility>

#include "base/invariant.h"

namespace cadastre::ledger {
namespace {

constexpr std::int64_t version = 1;
constexpr std::int64_t integer_max = (std::int64_t{1} << 53) - 1;  // RFC 8785 numbers are IEEE 754 doubles
constexpr int depth_max = 8;

using Member = EventValue::Object::value_type;

void append_value(std::string& out, const EventValue& value);

void append_integer(std::string& out, std::int64_t number) {
  CHECK_INVARIANT(-integer_max <= number && number <= integer_max);
  json::append_integer(out, number);
}

void append_member(std::string& out, const Member& member) {
  out += '"';
  out += member.first;
  out += "\":";
  append_value(out, member.second);
}

/// Members in order of their names (RFC 8785 section 3.2.3): that of their bytes, since names are ASCII literals.
void append_object(std::string& out, const EventValue::Object& members) {
  const auto less = [](const Member* a, const Member* b) { return a->first < b->first; };
  std::vector<const Member*> sorted(members.size());
  std::ranges::transform(members, sorted.begin(), [](const Member& member) { return &member; });
  std::ranges::sort(sorted, less);
  out += '{';
  for (const Member* member : sorted) {
    if (member != sorted.front()) out += ',';
    append_member(out, *member);
  }
  out += '}';
}

void append_array(std::string& out, const EventValue::Array& elements) {
  out += '[';
  for (const EventValue& element : elements) {
    if (&element != elements.data()) out += ',';
    append_value(out, element);
  }
  out += ']';
}

struct Appender {
  std::string& out;
  void operator()(std::nullptr_t) const { out += "null"; }
  void operator()(bool flag) const { out += flag ? "true" : "false"; }
  void operator()(std::int64_t number) const { append_integer(out, number); }
  void operator()(const std::string& text) const { json::append_string(out, text); }
  void operator()(const EventValue::Object& members) const { append_object(out, members); }
  void operator()(const EventValue::Array& elements) const { append_array(out, elements); }
};

void append_value(std::string& out, const EventValue& value) { std::visit(Appender{out}, value.value); }

void append_string_or_null(std::string& out, std::string_view text) {
  if (text.empty()) {
    out += "null";
  } else {
    json::append_string(out, text);
  }
}

void append_hex(std::string& out, ByteView bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  for (const std::uint8_t byte : bytes) {
    out += digits[byte >> 4U];
    out += digits[byte & 0xFU];
  }
}

std::unexpected<Refusal> refused(const char* rule) { return refuse(Code::malformed, "leaf", rule); }

bool is_text(const json::Value* value) { return value != nullptr && value->kind == json::Kind::string; }
bool is_null(const json::Value* value) { return value != nullptr && value->kind == json::Kind::null; }
bool is_object(const json::Value* value) { return value != nullptr && value->kind == json::Kind::object; }

/// The string member of that name, empty for null; nothing when it is missing or neither.
std::optional<std::string> text_or_null(const json::Value& object, std::string_view name) {
  const json::Value* const value = object.find(name);
  if (is_text(value)) return value->text;
  return is_null(value) ? std::optional(std::string()) : std::nullopt;
}

std::optional<std::int64_t> count(const json::Value& object, std::string_view name) {
  const json::Value* const value = object.find(name);
  const auto number = value != nullptr ? value->integer() : std::nullopt;
  return number && 0 <= *number && *number <= integer_max ? number : std::nullopt;
}

Result<Actor> decode_actor(const json::Value* value) {
  if (!is_object(value) || value->members.size() != 3) return refused("must have an actor of three members");
  const json::Value* const kind = value->find("kind");
  auto token_id = text_or_null(*value, "token_id");
  auto subject_key = text_or_null(*value, "subject_key");
  if (!is_text(kind) || !token_id || !subject_key) return refused("must have an actor of strings");
  return Actor{kind->text, *std::move(token_id), *std::move(subject_key)};
}

Result<LogId> decode_log_id(const json::Value* value) {
  const auto bytes = is_text(value) ? decode_hex(value->text) : std::nullopt;
  const auto id = bytes ? exactly<16>(*bytes) : std::nullopt;
  if (!id || encode_hex(*id) != value->text) return refused("must have a log_id of 32 lower-case hex digits");
  return *id;
}

Result<TenantId> decode_tenant(const json::Value* value) {
  if (is_null(value)) return TenantId::platform();
  if (!is_text(value)) return refused("must have a tenant_id");
  return TenantId::parse(value->text);
}

}  // namespace

std::string encode_leaf(const LogId& log, std::uint64_t seq, Instant ts, const Event& event) {
  CHECK_INVARIANT(seq <= static_cast<std::uint64_t>(integer_max));
  std::string out;
  out.reserve(640);  // above the usual leaf
  out += R"({"actor":{"kind":)";
  json::append_string(out, event.actor.kind);
  out += R"(,"subject_key":)";
  append_string_or_null(out, event.actor.subject_key);
  out += R"(,"token_id":)";
  append_string_or_null(out, event.actor.token_id);
  out += R"(},"data":)";
  append_object(out, event.data);
  out += R"(,"log_id":")";
  append_hex(out, log);
  out += R"(","request_id":)";
  append_string_or_null(out, event.request_id);
  out += R"(,"seq":)";
  append_integer(out, static_cast<std::int64_t>(seq));
  out += R"(,"tenant_id":)";
  append_string_or_null(out, event.tenant.text());
  out += R"(,"ts":)";
  append_integer(out, ms_since_epoch(ts));
  out += R"(,"type":")";
  out += name_of(event.type);
  out += R"(","v":1})";
  CHECK_INVARIANT(out.size() <= leaf_bytes_max);
  return out;
}

Result<LeafRecord> decode_leaf(std::string_view bytes) {
  if (bytes.size() > leaf_bytes_max) return refused("is larger than 16 KiB");
  json::Outcome outcome = json::parse(bytes, depth_max);
  if (!outcome.value || outcome.value->kind != json::Kind::object) return refused("must be a JSON object");
  const json::Value& leaf = *outcome.value;
  if (leaf.members.size() != 9 || json::canonical(leaf) != bytes)
    return refused("must be canonical, with nine members");
  const auto seq = count(leaf, "seq");
  const auto ts = count(leaf, "ts");
  if (count(leaf, "v") != version || !seq || !ts) return refused("must have v 1, a seq and a ts");
  const json::Value* const type_name = leaf.find("type");
  const auto type = is_text(type_name) ? parse_event_type(type_name->text) : std::nullopt;
  if (!type) return refused("must have a known type");
  auto request_id = text_or_null(leaf, "request_id");
  const json::Value* const data = leaf.find("data");
  if (!request_id || !is_object(data)) return refused("must have a request_id and an object as data");
  return LeafRecord{.log_id = TRY(decode_log_id(leaf.find("log_id"))),
                    .seq = static_cast<std::uint64_t>(*seq),
                    .ts = instant_from_ms(*ts),
                    .type = *type,
                    .tenant = TRY(decode_tenant(leaf.find("tenant_id"))),
                    .actor = TRY(decode_actor(leaf.find("actor"))),
                    .request_id = *std::move(request_id),
                    .data = *data};
}

}  // namespace cadastre::ledger
