#include "compute/xml_writer.h"

#include "base/invariant.h"

namespace cadastre {
namespace {

/// Line breaks and tabs as references, because a parser would turn them into blanks inside an attribute (XML 1.0
/// section 3.3.3).
void append_escaped(std::string& out, std::string_view text) {
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&apos;"; break;
      case '\t': out += "&#9;"; break;
      case '\n': out += "&#10;"; break;
      case '\r': out += "&#13;"; break;
      default: CHECK_INVARIANT(static_cast<unsigned char>(c) >= ' ' && c != '\x7f'); out += c;
    }
  }
}

}  // namespace

XmlWriter& XmlWriter::open(std::string_view name) {
  end_tag();
  (out_ += '<') += name;
  open_.emplace_back(name);
  in_tag_ = true;
  return *this;
}

XmlWriter& XmlWriter::attribute(std::string_view name, std::string_view value) {
  CHECK_INVARIANT(in_tag_);
  ((out_ += ' ') += name) += "=\"";
  append_escaped(out_, value);
  out_ += '"';
  return *this;
}

XmlWriter& XmlWriter::attribute(std::string_view name, std::int64_t value) {
  return attribute(name, std::to_string(value));
}

XmlWriter& XmlWriter::text(std::string_view text) {
  end_tag();
  append_escaped(out_, text);
  return *this;
}

XmlWriter& XmlWriter::text(std::int64_t number) { return text(std::to_string(number)); }

XmlWriter& XmlWriter::close() {
  CHECK_INVARIANT(!open_.empty());
  if (in_tag_) {
    out_ += "/>";
  } else {
    ((out_ += "</") += open_.back()) += '>';
  }
  in_tag_ = false;
  open_.pop_back();
  return *this;
}

const std::string& XmlWriter::str() const {
  CHECK_INVARIANT(open_.empty());
  return out_;
}

void XmlWriter::end_tag() {
  if (in_tag_) out_ += '>';
  in_tag_ = false;
}

}  // namespace cadastre
