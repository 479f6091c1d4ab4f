// Writes XML 1.0, element by element, so that no text can become markup.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cadastre {

/// One document. Names are the program's own; attribute values and text may be anything that XML can hold, which is
/// everything but control characters other than tab and line breaks: those stop the process, so refuse them before.
class XmlWriter {
 public:
  /// Begins an element inside the one that is open.
  XmlWriter& open(std::string_view name);
  /// Adds an attribute to the element just begun.
  XmlWriter& attribute(std::string_view name, std::string_view value);
  XmlWriter& attribute(std::string_view name, std::int64_t value);
  /// Adds text to the open element.
  XmlWriter& text(std::string_view text);
  XmlWriter& text(std::int64_t number);
  /// Ends the open element.
  XmlWriter& close();
  /// The document; every element must be closed.
  const std::string& str() const;

 private:
  void end_tag();
  std::string out_;
  std::vector<std::string> open_;
  bool in_tag_ = false;  ///< `<name` stands there without its `>`.
};

}  // namespace cadastre
