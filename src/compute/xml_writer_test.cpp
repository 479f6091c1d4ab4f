#include "compute/xml_writer.h"

#include <doctest/doctest.h>

namespace cadastre {
namespace {

TEST_CASE("text and attributes never become markup") {
  struct Row {
    std::string_view text, written;
  };
  const Row rows[] = {
      {"", ""},
      {"web", "web"},
      {"<x/>", "&lt;x/&gt;"},
      {"a&b", "a&amp;b"},
      {"&lt;", "&amp;lt;"},
      {R"("')", "&quot;&apos;"},
      {"]]>", "]]&gt;"},
      {"<!--", "&lt;!--"},
      {"../../x", "../../x"},
      {"a\tb\r\nc", "a&#9;b&#13;&#10;c"},
      {"ma\xc3\xb1"
       "ana",
       "ma\xc3\xb1"
       "ana"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    const std::string written(row.written);
    CHECK(XmlWriter().open("a").attribute("b", row.text).close().str() == "<a b=\"" + written + "\"/>");
    CHECK(XmlWriter().open("a").text(row.text).close().str() == "<a>" + written + "</a>");
  }
}

TEST_CASE("elements nest, and end as they were begun") {
  XmlWriter xml;
  xml.open("domain").attribute("id", 7).open("memory").text(128).close().open("acpi").close().close();
  CHECK(xml.str() == "<domain id=\"7\"><memory>128</memory><acpi/></domain>");
}

}  // namespace
}  // namespace cadastre
