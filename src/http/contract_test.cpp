#include "http/contract.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/json.h"
#include "domain/event.h"
#include "http/problem.h"
#include "http/routes.h"

namespace cadastre::http {
namespace {

using Rows = std::set<std::string>;

json::Value contract() {
  auto outcome = json::parse(*contract_json(), 64);
  REQUIRE(outcome.value);
  return *std::move(outcome.value);
}

const json::Value& member(const json::Value& object, std::string_view name) {
  INFO("member ", name);
  const json::Value* const value = object.find(name);
  REQUIRE(value != nullptr);
  return *value;
}

/// The path with `{}` for each variable segment: what a variable is called is free.
std::string shape_of(std::string_view path) {
  std::string shape;
  for (std::size_t at = 0; at < path.size(); ++at) {
    shape += path[at];
    if (path[at] != '{') continue;
    at = path.find('}', at);
    shape += '}';
  }
  return shape;
}

std::string row(std::string_view method, std::string_view path, std::string_view operation, std::string_view scope) {
  return fmt::format("{} {} {} {}", method, shape_of(path), operation, scope);
}

Rows rows_of_server() {
  Rows rows;
  for (const Route& route : routes()) {
    rows.insert(row(route.method, route.path, route.operation, route.needs ? route.needs->text_view() : "none"));
  }
  return rows;
}

Rows rows_of_contract(const json::Value& contract) {
  Rows rows;
  for (const auto& [path, item] : member(contract, "paths").members) {
    for (const auto& [verb, operation] : item.members) {
      if (verb == "parameters") continue;
      std::string method = verb;
      std::ranges::transform(method, method.begin(), [](char c) { return static_cast<char>(c - 'a' + 'A'); });
      rows.insert(row(method, path, member(operation, "operationId").text, member(operation, "x-scope").text));
    }
  }
  return rows;
}

Rows without(const Rows& rows, const Rows& others) {
  Rows rest;
  std::ranges::set_difference(rows, others, std::inserter(rest, rest.end()));
  return rest;
}

Rows words(const json::Value& contract, std::string_view schema) {
  Rows words;
  for (const auto& word : member(member(member(member(contract, "components"), "schemas"), schema), "enum").elements) {
    words.insert(word.text);
  }
  return words;
}

}  // namespace

TEST_CASE("server and contract have the same paths, methods, operations and scopes") {
  const Rows served = rows_of_server();
  const Rows written = rows_of_contract(contract());
  CHECK(served.size() == routes().size());
  for (const std::string& each : without(served, written)) FAIL_CHECK("not in api/openapi.yaml: ", each);
  for (const std::string& each : without(written, served)) FAIL_CHECK("not in http/routes.cpp: ", each);
}

TEST_CASE("a variable that takes many segments says so in the contract") {
  const json::Value written = contract();
  for (const Route& route : routes()) {
    CAPTURE(route.path);
    if (!route.path.ends_with("...}")) continue;
    const std::string shape = shape_of(route.path);
    const auto& paths = member(written, "paths").members;
    const auto found = std::ranges::find(paths, shape, [](const json::Member& path) { return shape_of(path.name); });
    REQUIRE(found != paths.end());
    const auto& reference = member(member(found->value, "parameters").elements.back(), "$ref").text;
    const auto& parameters = member(member(written, "components"), "parameters");
    CHECK(member(member(parameters, reference.substr(reference.rfind('/') + 1)), "x-many-segments").boolean);
  }
}

TEST_CASE("the contract knows every code of a problem and every type of an event") {
  const json::Value written = contract();
  Rows codes;
  for (int code = 0; code <= static_cast<int>(Code::internal); ++code) codes.emplace(name_of(static_cast<Code>(code)));
  CHECK(words(written, "ProblemCode") == codes);
  Rows events;
  for (int type = 0; type <= static_cast<int>(EventType::ssh_key_removed); ++type) {
    events.emplace(name_of(static_cast<EventType>(type)));
  }
  CHECK(words(written, "EventType") == events);
}

}  // namespace cadastre::http
