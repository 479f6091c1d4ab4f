#include "http/body.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace cadastre::http {
namespace {

constexpr int depth_max = 16;

bool is_integer_literal(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  return !text.empty() && std::ranges::all_of(text, [](char c) { return '0' <= c && c <= '9'; });
}

}  // namespace

std::string media_type(const Request& request) {
  const std::string_view field = request.header("content-type").value_or("");
  std::string type(field.substr(0, field.find(';')));
  while (!type.empty() && (type.back() == ' ' || type.back() == '\t')) type.pop_back();
  std::ranges::transform(type, type.begin(),
                         [](char c) { return 'A' <= c && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return type;
}

Result<Body> Body::parse(const Request& request) {
  if (media_type(request) != "application/json") {
    return refuse(Code::unsupported_media_type, "Content-Type", "Send the body as application/json.");
  }
  auto outcome = json::parse(request.body, depth_max);
  if (!outcome.value) {
    const bool twice = outcome.fault == json::Fault::duplicate_member;
    return refuse(Code::malformed, "body",
                  fmt::format("The body is not valid JSON: {} at byte {}.",
                              twice ? "a member stands twice" : "an error", outcome.offset));
  }
  if (outcome.value->kind != json::Kind::object)
    return refuse(Code::malformed, "body", "The body must be a JSON object.");
  return Body(*std::move(outcome.value));
}

const json::Value* Body::take(std::string_view name) {
  taken_.emplace_back(name);
  return object_.find(name);
}

const json::Value* Body::raw(std::string_view name) { return take(name); }

std::optional<std::string> Body::optional_text(std::string_view name) {
  const json::Value* value = take(name);
  if (value == nullptr) return std::nullopt;
  if (value->kind == json::Kind::string) return value->text;
  wrong(fmt::format("/{}", name), "must be a string");
  return std::nullopt;
}

std::string Body::text(std::string_view name) {
  if (object_.find(name) == nullptr) wrong(fmt::format("/{}", name), "is required");
  return optional_text(name).value_or("");
}

std::int64_t Body::integer_of(std::string_view name, const json::Value& value) {
  if (const auto number = value.integer()) return *number;
  if (value.kind == json::Kind::number && is_integer_literal(value.text)) {
    using Limits = std::numeric_limits<std::int64_t>;
    return value.text.starts_with('-') ? Limits::min() : Limits::max();
  }
  wrong(fmt::format("/{}", name), "must be an integer");
  return 0;
}

std::int64_t Body::integer(std::string_view name) {
  const json::Value* value = take(name);
  if (value != nullptr) return integer_of(name, *value);
  wrong(fmt::format("/{}", name), "is required");
  return 0;
}

std::optional<std::int64_t> Body::optional_integer(std::string_view name) {
  const json::Value* value = take(name);
  if (value == nullptr) return std::nullopt;
  return integer_of(name, *value);
}

std::optional<std::optional<std::int64_t>> Body::nullable_integer(std::string_view name) {
  const json::Value* value = take(name);
  if (value == nullptr) return std::nullopt;
  if (value->kind == json::Kind::null) return std::optional<std::int64_t>();
  return std::optional(integer_of(name, *value));
}

std::optional<bool> Body::optional_flag(std::string_view name) {
  const json::Value* value = take(name);
  if (value == nullptr) return std::nullopt;
  if (value->kind == json::Kind::boolean) return value->boolean;
  wrong(fmt::format("/{}", name), "must be true or false");
  return std::nullopt;
}

Result<void> Body::finish() {
  for (const auto& [name, value] : object_.members) {
    if (std::ranges::find(taken_, name) == taken_.end())
      wrong(fmt::format("/{}", name), "is not a member of this request");
  }
  if (errors_.empty()) return {};
  auto detail = fmt::format("{} {}", errors_.front().pointer.substr(1), errors_.front().detail);
  return std::unexpected(
      Refusal{Code::malformed, errors_.front().pointer.substr(1), std::move(detail), {}, std::move(errors_)});
}

}  // namespace cadastre::http
