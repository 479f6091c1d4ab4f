// Text for people: aligned, and harmless to a terminal.
#include "table.h"

#include <doctest/doctest.h>

namespace cadastre {
namespace {

json::Value parsed(std::string_view text) { return json::parse(text, 8).value.value(); }

TEST_CASE("a table is as wide as its widest cells, counted in characters") {
  const json::Value page = parsed(
      R"([{"id":"a","usage":{"vms":10},"name":"Zürich","node_id":null},{"id":"bcd","usage":{"vms":2},"name":"Ob"}])");
  CHECK(table_of(page.elements, {{"ID", "id"}, {"NAME", "name"}, {"VMS", "usage.vms"}, {"NODE", "node_id"}}) ==
        "ID   NAME    VMS  NODE\n"
        "a    Zürich  10   -\n"
        "bcd  Ob      2    -\n");
  CHECK(table_of({}, {{"ID", "id"}, {"NAME", "name"}}) == "ID  NAME\n");
}

TEST_CASE("a record is its members, those of its objects by their whole name") {
  CHECK(
      record_of(parsed(
          R"({"id":"a","usage":{"vms":10,"storage_gb":80},"over_quota":false,"ports":[],"caveats":[{"op":["vm.list","vm.get"]},{"uses":3}]})")) ==
      "id                a\n"
      "usage.vms         10\n"
      "usage.storage_gb  80\n"
      "over_quota        no\n"
      "ports             -\n"
      "caveats           op=vm.list,vm.get,uses=3\n");
}

TEST_CASE("nothing from outside moves the cursor") {
  CHECK(printable("a\x1b[2Jb\r\n\x7f") == "a?[2Jb???");
  CHECK(printable("\xC2\x9B"
                  "2J") == "?2J");
  CHECK(printable("Zürich “x” 日") == "Zürich “x” 日");
  CHECK(cell_of(parsed(R"("\u001b]0;x\u0007")")) == "?]0;x?");
}

TEST_CASE("JSON is written as it was read") {
  for (const std::string_view text :
       {R"({"b":1.50,"a":[true,null,{"z":"\u0001\"ü"}],"c":{},"d":-7})", R"([])", R"("x")"}) {
    std::string out;
    append_json(out, parsed(text));
    CHECK(out == text);
  }
}

}  // namespace
}  // namespace cadastre
