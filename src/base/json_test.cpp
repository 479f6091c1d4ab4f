// The strict JSON reader and the one way of writing.
#include "base/json.h"

#include <doctest/doctest.h>

#include <string>

namespace cadastre::json {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;

constexpr int depth = 5;

TEST_CASE("what RFC 8259 does not allow is refused as syntax") {
  const std::string_view rows[] = {""sv,
                                   " "sv,
                                   "{"sv,
                                   "}"sv,
                                   "["sv,
                                   "]"sv,
                                   "\""sv,
                                   "{}{}"sv,
                                   "{} x"sv,
                                   "[1,]"sv,
                                   "[,1]"sv,
                                   "{\"a\":1,}"sv,
                                   "{,}"sv,
                                   "{\"a\"}"sv,
                                   "{\"a\":}"sv,
                                   "{a:1}"sv,
                                   "{'a':1}"sv,
                                   "{1:1}"sv,
                                   "[1 2]"sv,
                                   "nul"sv,
                                   "True"sv,
                                   "NaN"sv,
                                   "Infinity"sv,
                                   "-"sv,
                                   "+1"sv,
                                   "01"sv,
                                   "-01"sv,
                                   "1."sv,
                                   ".5"sv,
                                   "1e"sv,
                                   "1e+"sv,
                                   "0x10"sv,
                                   "1_000"sv,
                                   "// c\n1"sv,
                                   "/**/1"sv,
                                   "\xEF\xBB\xBF{}"sv,
                                   "1\0"sv,
                                   "\0"sv,
                                   "\"\0\""sv,
                                   "\"\n\""sv,
                                   "\"\t\""sv,
                                   "\"\x1f\""sv,
                                   "\"\\x41\""sv,
                                   "\"\\\""sv,
                                   "\"\\u12\""sv,
                                   "\"\\u12G4\""sv,
                                   "\"\\u+123\""sv,
                                   "\"\\ud800\""sv,
                                   "\"\\ud800\\u0041\""sv,
                                   "\"\\ud800x\""sv,
                                   "\"\\udc00\""sv,
                                   "\"\\udc00\\ud800\""sv,
                                   "\"\x80\""sv,
                                   "\"\xC0\xAF\""sv,
                                   "\"\xC1\xBF\""sv,
                                   "\"\xC3\""sv,
                                   "\"\xC3(\""sv,
                                   "\"\xE0\x80\xAF\""sv,
                                   "\"\xE2\x82\""sv,
                                   "\"\xED\xA0\x80\""sv,
                                   "\"\xF0\x80\x80\x80\""sv,
                                   "\"\xF0\x9F\x98\""sv,
                                   "\"\xF4\x90\x80\x80\""sv,
                                   "\"\xF5\x80\x80\x80\""sv,
                                   "\"\xFF\""sv,
                                   "{\"a\":1 \"b\":2}"sv,
                                   "\xC2\xA0"
                                   "1"sv,
                                   "\f1"sv,
                                   "\"a\" \"b\""sv};
  for (const auto& text : rows) {
    CAPTURE(text);
    const Outcome outcome = parse(text, depth);
    CHECK_FALSE(outcome.value.has_value());
    CHECK(outcome.fault == Fault::syntax);
    CHECK(outcome.offset <= text.size());
  }
}

TEST_CASE("strings are unescaped once, to UTF-8") {
  struct Row {
    std::string_view text, meaning;
  };
  const Row rows[] = {
      {R"("")", ""},
      {R"("\"\\\/\b\f\n\r\t")", "\"\\/\b\f\n\r\t"},
      {R"("\u0041\u00e9\u20AC")", "A\xC3\xA9\xE2\x82\xAC"},
      {R"("\ud83d\ude00")", "\xF0\x9F\x98\x80"},
      {"\"\xF0\x9F\x98\x80 \x7F\"", "\xF0\x9F\x98\x80 \x7F"},
      {R"("\\u0041")", "\\u0041"},
      {R"("\u0000")", "\0"sv},
      {"\"\xF4\x8F\xBF\xBF\xED\x9F\xBF\xEE\x80\x80\"", "\xF4\x8F\xBF\xBF\xED\x9F\xBF\xEE\x80\x80"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.text);
    const Outcome outcome = parse(row.text, 0);
    REQUIRE(outcome.value.has_value());
    CHECK(outcome.value->kind == Kind::string);
    CHECK(outcome.value->text == row.meaning);
  }
}

TEST_CASE("two members of one name are refused at any level, after unescaping, however many there are") {
  std::string many = "{";
  for (int i = 0; i < 10'000; ++i) many += "\"" + std::to_string(i) + "\":0,";
  const struct {
    std::string text;
    bool duplicate;
  } rows[] = {
      {R"({"a":1,"a":1})", true},         {R"({"a":1,"b":{"c":1,"c":2}})", true},
      {R"([{"x":1,"y":2,"x":3}])", true}, {R"({"scope":1,"\u0073cope":2})", true},
      {R"({"":1,"":2})", true},           {R"({"a":1,"A":1,"b":{"a":1}})", false},
      {many + "\"last\":0}", false},      {many + "\"77\":0}", true},
  };
  for (const auto& row : rows) {
    CAPTURE(row.text.substr(0, 60));
    const Outcome outcome = parse(row.text, depth);
    CHECK(outcome.value.has_value() == !row.duplicate);
    if (row.duplicate) CHECK(outcome.fault == Fault::duplicate_member);
  }
}

TEST_CASE("nesting is counted, and one level more than allowed is refused") {
  CHECK(parse("1", 0).value.has_value());
  CHECK_FALSE(parse("{}", 0).value.has_value());
  CHECK(parse("{}", 1).value.has_value());
  CHECK(parse(R"({"a":{},"b":{},"c":[[]]})", 3).value.has_value());
  CHECK_FALSE(parse(R"({"a":{},"b":{},"c":[[]]})", 2).value.has_value());
  CHECK(parse("[[[[[]]]]]", 5).value.has_value());
  CHECK_FALSE(parse("[[[[[[]]]]]]", 5).value.has_value());
  CHECK_FALSE(parse(std::string(1'000'000, '['), 5).value.has_value());
}

TEST_CASE("an integer is a literal of digits that fits 64 bits, nothing else") {
  struct Row {
    std::string_view text;
    std::optional<std::int64_t> number;
  };
  const Row rows[] = {
      {"0", 0},
      {"-0", 0},
      {"42", 42},
      {"-7", -7},
      {"9223372036854775807", INT64_MAX},
      {"-9223372036854775808", INT64_MIN},
      {"9223372036854775808", std::nullopt},
      {"99999999999999999999999", std::nullopt},
      {"1.0", std::nullopt},
      {"1e3", std::nullopt},
      {"1E+2", std::nullopt},
      {"\"1\"", std::nullopt},
      {"null", std::nullopt},
  };
  for (const auto& row : rows) {
    CAPTURE(row.text);
    const Outcome outcome = parse(row.text, depth);
    REQUIRE(outcome.value.has_value());
    CHECK(outcome.value->integer() == row.number);
    if (outcome.value->kind == Kind::number) CHECK(outcome.value->text == row.text);
  }
}

TEST_CASE("members are found by name and kept in the order received") {
  const Outcome outcome = parse(" { \"b\" : [ 1 , \"x\" , null , true ] , \"a\" : false } ", depth);
  REQUIRE(outcome.value.has_value());
  CHECK(outcome.value->members[0].name == "b");
  CHECK(outcome.value->find("b")->elements.size() == 4);
  CHECK(outcome.value->find("b")->elements[3].boolean);
  CHECK(outcome.value->find("a")->kind == Kind::boolean);
  CHECK(outcome.value->find("c") == nullptr);
}

TEST_CASE("a failure names the byte where it is") {
  CHECK(parse(R"({"a":x})", depth).offset == 5);
  CHECK(parse("{} x", depth).offset == 3);
}

TEST_CASE("the canonical form sorts by UTF-16 code units and escapes one way (RFC 8785)") {
  struct Row {
    std::string_view text, canonical;
  };
  const Row rows[] = {
      {R"({ "b" : 1 , "a" : [ ] , "" : { } })", R"({"":{},"a":[],"b":1})"},
      {R"({"aa":1,"a":2,"B":3})", R"({"B":3,"a":2,"aa":1})"},
      // RFC 8785 section 3.2.3, the names of its example.
      {R"({"\u20ac":1,"\r":2,"\ufb33":3,"1":4,"\ud83d\ude00":5,"\u0080":6,"\u00f6":7})",
       "{\"\\r\":2,\"1\":4,\"\xC2\x80\":6,\"\xC3\xB6\":7,\"\xE2\x82\xAC\":1,\"\xF0\x9F\x98\x80\":5,\"\xEF\xAC\xB3\":"
       "3}"},
      {R"("\u000f\u001F\u0008\"\\\/\u007f\u20ac")", "\"\\u000f\\u001f\\b\\\"\\\\/\x7F\xE2\x82\xAC\""},
      {"[-0,0,-5,9007199254740991,-9007199254740991,true,false,null]",
       "[0,0,-5,9007199254740991,-9007199254740991,true,false,null]"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.text);
    const Outcome outcome = parse(row.text, depth);
    REQUIRE(outcome.value.has_value());
    CHECK(canonical(*outcome.value) == row.canonical);
  }
  for (const auto* text : {"[1.5]", "{\"a\":1e2}", "9007199254740992", "-9007199254740992", "1.0"}) {
    CAPTURE(text);
    CHECK(canonical(*parse(text, depth).value) == std::nullopt);
  }
}

TEST_CASE("the writer appends to what is there and places the commas") {
  std::string out = "x";
  Object object(out);
  object.field("n", 1).field("s", "a\"\n").field("t", std::string("u")).field("b", true).null("z");
  Object(object.key("o")).end();
  Object(object.key("p")).field("min", INT64_MIN).field("small", static_cast<unsigned char>(7)).end();
  object.field_or_null("v", "w").field_or_null("y", "").end();
  CHECK(out == R"(x{"n":1,"s":"a\"\n","t":"u","b":true,"z":null,"o":{},"p":{"min":-9223372036854775808,"small":7},)"
               R"("v":"w","y":null})");
}

}  // namespace
}  // namespace cadastre::json
