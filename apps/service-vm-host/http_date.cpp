#include "http_date.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>

namespace cadastre {
namespace {

constexpr std::string_view form = "Sun, 06 Nov 1994 08:49:37 GMT";
constexpr std::array<std::string_view, 12> months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

std::optional<int> number_at(std::string_view text, std::size_t first, std::size_t count) {
  int number = 0;
  const char* const end = text.data() + first + count;
  const auto [stop, fault] = std::from_chars(text.data() + first, end, number);
  if (fault != std::errc() || stop != end || number < 0) return std::nullopt;
  return number;
}

bool has_marks(std::string_view text) {
  for (std::size_t i = 3; i < form.size(); ++i) {
    const bool is_mark = form[i] == ',' || form[i] == ' ' || form[i] == ':' || i >= 26;
    if (is_mark && text[i] != form[i]) return false;
  }
  return true;
}

}  // namespace

std::optional<Instant> parse_http_date(std::string_view text) {
  if (text.size() != form.size() || !has_marks(text)) return std::nullopt;
  const auto* const month = std::ranges::find(months, text.substr(8, 3));
  const auto day = number_at(text, 5, 2), year = number_at(text, 12, 4);
  const auto hour = number_at(text, 17, 2), minute = number_at(text, 20, 2), second = number_at(text, 23, 2);
  if (month == months.end() || !day || !year || !hour || !minute || !second) return std::nullopt;
  const std::chrono::year_month_day date(std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(month - months.begin()) + 1),
                                         std::chrono::day(static_cast<unsigned>(*day)));
  if (!date.ok() || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  return std::chrono::sys_days(date) + std::chrono::hours(*hour) + std::chrono::minutes(*minute) +
         std::chrono::seconds(*second);
}

}  // namespace cadastre
