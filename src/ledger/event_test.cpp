#include "ledger/event.h"

#include <doctest/doctest.h>

namespace cadastre::ledger {
namespace {

constexpr LogId log_id{0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff};

TenantId acme() { return TenantId::parse("acme-corp").value(); }

Event vm_created() {
  return {.type = EventType::vm_created,
          .tenant = acme(),
          .actor = {.kind = "tenant-admin", .token_id = "dG9rZW4", .subject_key = "c3ViamVjdA"},
          .request_id = "0190a0b0-0000-7000-8000-000000000000",
          .data = {{"vm_id", "0190a0b0-0000-7000-8000-000000000001"},
                   {"vm_type", "VmTotebox"},
                   {"ram_mb", std::int64_t{512}},
                   {"vcpu_count", std::int64_t{2}},
                   {"disk_gb", std::int64_t{8}},
                   {"name", nullptr}}};
}

constexpr Instant at = instant_from_ms(1'790'000'000'123);

std::string canonical(std::string_view bytes) { return json::canonical(json::parse(bytes, 8).value.value()).value(); }

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const std::size_t position = text.find(from);
  REQUIRE(position != std::string::npos);
  return text.replace(position, from.size(), to);
}

}  // namespace

TEST_CASE("a leaf has its members in canonical order") {
  CHECK(encode_leaf(log_id, 3, at, vm_created()) ==
        R"({"actor":{"kind":"tenant-admin","subject_key":"c3ViamVjdA","token_id":"dG9rZW4"},)"
        R"("data":{"disk_gb":8,"name":null,"ram_mb":512,"vcpu_count":2,)"
        R"("vm_id":"0190a0b0-0000-7000-8000-000000000001","vm_type":"VmTotebox"},)"
        R"("log_id":"00112233445566778899aabbccddeeff","request_id":"0190a0b0-0000-7000-8000-000000000000",)"
        R"("seq":3,"tenant_id":"acme-corp","ts":1790000000123,"type":"VM_CREATED","v":1})");
}

TEST_CASE("what has no value is null") {
  const Event event{.type = EventType::key_rotated,
                    .tenant = TenantId::platform(),
                    .actor = {.kind = "system", .token_id = "", .subject_key = ""},
                    .request_id = "",
                    .data = {}};
  CHECK(encode_leaf(log_id, 0, instant_from_ms(0), event) ==
        R"({"actor":{"kind":"system","subject_key":null,"token_id":null},"data":{},)"
        R"("log_id":"00112233445566778899aabbccddeeff","request_id":null,"seq":0,"tenant_id":null,"ts":0,)"
        R"("type":"KEY_ROTATED","v":1})");
}

TEST_CASE("a leaf is its own canonical form, whatever its strings hold") {
  std::string controls;
  for (char c = 1; c < 0x20; ++c) controls += c;
  const std::string odd[] = {"",       "\"",     "\\",         "/",      "\x7f", controls, std::string("a\0b", 3),
                             "\u00e9", "\u2028", "\U0001F600", "\ufffd", "</a>", "\\u0041"};
  for (const std::string& text : odd) {
    CAPTURE(text);
    Event event = vm_created();
    event.actor.kind = text;
    event.request_id = text;
    event.data = {{"z", text},
                  {"a", EventValue::Array{text, true, false, nullptr, std::int64_t{-5}, EventValue::Array{}}},
                  {"m", EventValue::Object{{"y", text}, {"b", EventValue::Object{}}, {"B", std::int64_t{0}}}}};
    const std::string leaf = encode_leaf(log_id, 9007199254740991U, at, event);
    CHECK(canonical(leaf) == leaf);
    const auto record = decode_leaf(leaf);
    REQUIRE(record);
    CHECK(record->request_id == text);
    CHECK(record->data.find("z")->text == text);
  }
}

TEST_CASE("every type is read back with all it says") {
  for (std::uint8_t number = 0; number <= static_cast<std::uint8_t>(EventType::requests_refused); ++number) {
    Event event = vm_created();
    event.type = static_cast<EventType>(number);
    const auto record = decode_leaf(encode_leaf(log_id, number, at, event));
    REQUIRE(record);
    CHECK(record->log_id == log_id);
    CHECK(record->seq == number);
    CHECK(record->ts == at);
    CHECK(record->type == event.type);
    CHECK(record->tenant == event.tenant);
    CHECK(record->actor.kind == event.actor.kind);
    CHECK(record->actor.token_id == event.actor.token_id);
    CHECK(record->actor.subject_key == event.actor.subject_key);
    CHECK(record->request_id == event.request_id);
    CHECK(record->data.find("ram_mb")->integer() == 512);
  }
}

TEST_CASE("bytes that encode_leaf cannot have written are no leaf") {
  const std::string leaf = encode_leaf(log_id, 3, at, vm_created());
  REQUIRE(decode_leaf(leaf));
  const std::string bad[] = {
      "",
      "{}",
      "[]",
      leaf + " ",
      " " + leaf,
      leaf.substr(0, leaf.size() - 1),
      replaced(leaf, R"("v":1)", R"("v":2)"),
      replaced(leaf, R"("v":1)", R"("v":1,"w":1)"),
      replaced(leaf, R"(,"v":1)", ""),
      replaced(leaf, R"("seq":3)", R"("seq":-3)"),
      replaced(leaf, R"("seq":3)", R"("seq":3.0)"),
      replaced(leaf, R"("seq":3)", R"("seq":"3")"),
      replaced(leaf, R"("seq":3)", R"("seq":9007199254740992)"),
      replaced(leaf, "VM_CREATED", "VM_INVENTED"),
      replaced(leaf, "acme-corp", "Acme"),
      replaced(leaf, "ddeeff", "DDEEFF"),
      replaced(leaf, "ddeeff", "ddee"),
      replaced(leaf, R"("kind":"tenant-admin")", R"("kind":null)"),
      replaced(leaf, R"("kind":"tenant-admin")", R"("grade":1,"kind":"tenant-admin")"),
      replaced(leaf, R"("token_id":"dG9rZW4")", R"("token_id":7)"),
      replaced(leaf, "VmTotebox", "\\u0056mTotebox"),
      replaced(leaf, "\"disk_gb\":8", "\"disk_gb\":8.5"),
  };
  for (const std::string& text : bad) {
    CAPTURE(text);
    CHECK_FALSE(decode_leaf(text));
  }
}

TEST_CASE("encoding speed" * doctest::skip()) {
  const Event event = vm_created();
  const SystemClock clock;
  constexpr std::int64_t rounds = 1'000'000;
  std::size_t bytes = 0;
  const Tick start = clock.tick();
  for (std::int64_t i = 0; i < rounds; ++i) bytes += encode_leaf(log_id, std::uint64_t(i), at, event).size();
  const std::int64_t ns = (clock.tick() - start).count() * 1'000'000 / rounds;
  MESSAGE(ns, " ns per leaf; bytes of all: ", bytes);
}

}  // namespace cadastre::ledger
