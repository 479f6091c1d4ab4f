// Caveats: what may be written, and what each lets pass.
#include "token/caveat.h"

#include <doctest/doctest.h>

#include "token/test_data.h"

namespace cadastre {
namespace {

json::Value value_of(std::string_view text) {
  auto outcome = json::parse(text, 5);
  REQUIRE(outcome.value.has_value());
  return *std::move(outcome.value);
}

TEST_CASE("the list of caveats is closed and each has one form") {
  struct Row {
    std::string text;
    std::string_view reason;
  };
  std::string sixteen = R"([{"rpm":1})";
  for (int i = 1; i < 16; ++i) sixteen += R"(,{"rpm":1})";
  const Row rows[] = {
      {"[]", "ok"},
      {sixteen + "]", "ok"},
      {sixteen + R"(,{"rpm":1}])", "bad_caveat"},
      {R"([{"op":["vm.list"]},{"method":["GET","POST"]},{"res":["vm:a","node:b"]}])", "ok"},
      {R"([{"path":["/","/v1/vms","/v1/*/x","/v1/**","/**"]}])", "ok"},
      {R"([{"ip":["10.0.0.0/8","192.168.1.1","::1","2001:db8::/32","0.0.0.0/0"]}])", "ok"},
      {R"([{"quota":{"vms":0}},{"rpm":1},{"uses":1000000000}])", "ok"},
      {R"([{"moon":1}])", "unknown_caveat"},
      {R"([{"Op":["a"]}])", "unknown_caveat"},
      {R"([{}])", "bad_caveat"},
      {R"([{"op":["a"],"method":["GET"]}])", "bad_caveat"},
      {R"(["op"])", "bad_caveat"},
      {R"({"op":["a"]})", "bad_caveat"},
      {R"([{"op":[]}])", "bad_caveat"},
      {R"([{"op":"a"}])", "bad_caveat"},
      {R"([{"op":[1]}])", "bad_caveat"},
      {R"([{"op":[""]}])", "bad_caveat"},
      {R"([{"op":["a b"]}])", "bad_caveat"},
      {R"([{"method":["get"]}])", "bad_caveat"},
      {R"([{"path":["v1"]}])", "bad_caveat"},
      {R"([{"path":["/v1/a b"]}])", "bad_caveat"},
      {R"([{"ip":["127.0.0.1/32","::1/128"]}])", "ok"},
      {R"([{"path":["/v1/"]}])", "bad_caveat"},
      {R"([{"path":["/v1//x"]}])", "bad_caveat"},
      {R"([{"path":["/v1/../x"]}])", "bad_caveat"},
      {R"([{"path":["/v1/**/x"]}])", "bad_caveat"},
      {R"([{"path":["/v1/vm-*"]}])", "bad_caveat"},
      {R"([{"path":["/v1/%2f"]}])", "bad_caveat"},
      {R"([{"path":["/v1?x"]}])", "bad_caveat"},
      {R"([{"method":["PATCH","Z"]},{"op":["!~"]}])", "ok"},
      {R"([{"res":["vm"]}])", "bad_caveat"},
      {R"([{"res":["vm:a b"]}])", "bad_caveat"},
      {R"([{"res":["disk:a"]}])", "bad_caveat"},
      {R"([{"res":["vm:"]}])", "bad_caveat"},
      {R"([{"ip":["10.0.0.0/33"]}])", "bad_caveat"},
      {R"([{"ip":["10.0.0/8"]}])", "bad_caveat"},
      {R"([{"ip":["10.0.0.0/"]}])", "bad_caveat"},
      {R"([{"ip":["10.0.0.0/-1"]}])", "bad_caveat"},
      {R"([{"ip":["010.0.0.1"]}])", "bad_caveat"},
      {R"([{"ip":["::/129"]}])", "bad_caveat"},
      {R"([{"ip":["::1\u0000"]}])", "bad_caveat"},
      {R"([{"ip":["localhost"]}])", "bad_caveat"},
      {R"([{"quota":2}])", "bad_caveat"},
      {R"([{"quota":{"vms":-1}}])", "bad_caveat"},
      {R"([{"quota":{"ram":1}}])", "bad_caveat"},
      {R"([{"quota":{"vms":1,"ram":1}}])", "bad_caveat"},
      {R"([{"rpm":0}])", "bad_caveat"},
      {R"([{"rpm":1.0}])", "bad_caveat"},
      {R"([{"uses":"1"}])", "bad_caveat"},
      {R"([{"uses":1000000001}])", "bad_caveat"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.text);
    CHECK(reason_of(decode_caveats(value_of(row.text), 0)) == row.reason);
    CHECK(admit_caveats(value_of(row.text)).has_value() == (row.reason == "ok"));
  }
}

TEST_CASE("a path is matched segment by segment") {
  struct Row {
    std::string_view pattern, path;
    bool matches;
  };
  const Row rows[] = {
      {"/v1/vms", "/v1/vms", true},
      {"/v1/vms", "/v1/vms/", false},
      {"/v1/vms", "/v1/vmsx", false},
      {"/v1/vms", "/V1/vms", false},
      {"/v1/vms", "/v1", false},
      {"/v1/vms", "/v1/vms/a", false},
      {"/v1/vms/*", "/v1/vms/a", true},
      {"/v1/vms/*", "/v1/vms", false},
      {"/v1/vms/*", "/v1/vms/", false},
      {"/v1/vms/*", "/v1/vms/a/b", false},
      {"/v1/*/x", "/v1/a/x", true},
      {"/v1/*/x", "/v1/a/b/x", false},
      {"/v1/vms/**", "/v1/vms/a", true},
      {"/v1/vms/**", "/v1/vms/a/b", true},
      {"/v1/vms/**", "/v1/vms", false},
      {"/v1/vms/**", "/v1/vmsx", false},
      {"/**", "/", true},
      {"/**", "/a/b", true},
      {"/", "/", true},
      {"/", "/a", false},
      {"/v1/vms", "", false},
  };
  for (const auto& row : rows) {
    CAPTURE(row.pattern);
    CAPTURE(row.path);
    CHECK(path_matches(row.pattern, row.path) == row.matches);
  }
}

TEST_CASE("a network has the addresses of its own family, mapped ones counted as IPv4") {
  struct Row {
    std::string_view network, address;
    bool has;
  };
  const Row rows[] = {
      {"10.0.0.0/8", "10.255.0.1", true},
      {"10.0.0.0/8", "11.0.0.1", false},
      {"10.1.2.3/8", "10.9.9.9", true},
      {"10.0.0.128/25", "10.0.0.127", false},
      {"10.0.0.128/25", "10.0.0.200", true},
      {"127.0.0.1", "127.0.0.1", true},
      {"127.0.0.1", "127.0.0.2", false},
      {"0.0.0.0/0", "203.0.113.9", true},
      {"0.0.0.0/0", "::1", false},
      {"::/0", "203.0.113.9", false},
      {"::/0", "::ffff:203.0.113.9", false},
      {"::/0", "2001:db8::1", true},
      {"10.0.0.0/8", "::ffff:10.1.1.1", true},
      {"::ffff:10.0.0.0/104", "10.1.1.1", true},
      {"::ffff:10.0.0.0/104", "11.1.1.1", false},
      {"::ffff:0.0.0.0/96", "11.1.1.1", true},
      {"::ffff:10.0.0.0/95", "10.0.0.0", false},
      {"2001:db8::/33", "2001:db8:8000::1", false},
      {"2001:db8::/33", "2001:db8:7fff::1", true},
      {"10.0.0.0/8", "nonsense", false},
      {"10.0.0.0/8", "", false},
  };
  for (const auto& row : rows) {
    CAPTURE(row.network);
    CAPTURE(row.address);
    CHECK(network_has(row.network, row.address) == row.has);
  }
}

TEST_CASE("each caveat lets pass what it lists, and nothing else") {
  const TokenUse use{
      .method = "GET", .path = "/v1/vms/a", .operation = "vm.get", .resource = "vm:a", .peer = "10.0.0.1"};
  struct Row {
    std::string_view caveat;
    bool allows;
  };
  const Row rows[] = {
      {R"([{"op":["vm.list","vm.get"]}])", true},
      {R"([{"op":["vm.list"]}])", false},
      {R"([{"method":["GET"]}])", true},
      {R"([{"method":["PUT"]}])", false},
      {R"([{"path":["/v1/vms/*"]}])", true},
      {R"([{"path":["/v1/vms"]}])", false},
      {R"([{"res":["vm:a"]}])", true},
      {R"([{"res":["vm:b"]}])", false},
      {R"([{"ip":["10.0.0.0/24"]}])", true},
      {R"([{"ip":["10.0.1.0/24"]}])", false},
      {R"([{"quota":{"vms":9}}])", false},
      {R"([{"rpm":9}])", false},
      {R"([{"uses":9}])", false},
  };
  for (const auto& row : rows) {
    CAPTURE(row.caveat);
    const auto caveats = decode_caveats(value_of(row.caveat), 0);
    REQUIRE(caveats.has_value());
    CHECK(allows(caveats->front(), use) == row.allows);
    TokenUse charged = use;
    charged.charges_counters = true;
    const bool counts = caveats->front().values.empty();
    CHECK(allows(caveats->front(), charged) == (row.allows || counts));
  }
  TokenUse unnamed = use;
  unnamed.resource = "";
  CHECK_FALSE(allows(decode_caveats(value_of(R"([{"res":["vm:a"]}])"), 0)->front(), unnamed));
}

TEST_CASE("a network is an address of either family, with or without a number of bits") {
  for (const char* good : {"10.0.0.1", "10.0.0.0/8", "::1", "2001:db8::/32", "0.0.0.0/0", "::ffff:10.0.0.0/104"}) {
    CAPTURE(good);
    CHECK(is_network(good));
  }
  for (const char* bad :
       {"", "10.0.0", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/-1", "localhost", " ::1", "1.2.3.4:80"}) {
    CAPTURE(bad);
    CHECK_FALSE(is_network(bad));
  }
}

TEST_CASE("a token issued under another is bound by that one's caveats and its own") {
  const auto parent = decode_caveats(
      value_of(
          R"([{"op":["vm.list"]},{"path":["/v1/**"]},{"ip":["::1","10.0.0.0/8"]},{"quota":{"vms":3}},{"rpm":6},{"uses":1}])"),
      0);
  const std::string inherited =
      R"([{"op":["vm.list"]},{"path":["/v1/**"]},{"ip":["::1","10.0.0.0/8"]},{"quota":{"vms":3}},{"rpm":6},{"uses":1})";
  std::string ten = R"([{"rpm":1})";
  for (int i = 1; i < 10; ++i) ten += R"(,{"rpm":1})";
  CHECK(encode_caveats(*parent) == inherited + "]");
  CHECK(encode_caveats({}).empty());
  CHECK(inherit_caveats({}, "").value().empty());
  CHECK(inherit_caveats({}, R"([{"rpm":5}])").value() == R"([{"rpm":5}])");
  CHECK(inherit_caveats(*parent, "").value() == inherited + "]");
  CHECK(inherit_caveats(*parent, "[]").value() == inherited + "]");
  CHECK(inherit_caveats(*parent, R"([{"method":["GET"]}])").value() == inherited + R"(,{"method":["GET"]}])");
  CHECK(inherit_caveats(*parent, R"([{"rpm":6},{"method":["GET"]},{"rpm":7}])").value() ==
        inherited + R"(,{"method":["GET"]},{"rpm":7}])");  // what binds already is not said twice
  CHECK(inherit_caveats(*parent, inherited + "]").value() == inherited + "]");
  CHECK(inherit_caveats(*parent, ten + "]").has_value());
  CHECK(inherit_caveats(*parent, ten + R"(,{"rpm":1}])").error().subject == "caveats");
  CHECK(inherit_caveats(*parent, R"([{"rpm":0}])").error().subject == "caveats");
  CHECK(parse_caveats("[", 0).error().reason == "bad_caveat");
}

}  // namespace
}  // namespace cadastre
