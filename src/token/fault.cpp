#include "token/fault.h"

namespace cadastre {

std::unexpected<TokenFault> fault_about(std::string_view word, std::string_view name) {
  constexpr std::size_t name_chars_max = 32;
  const auto plain = [](char c) {
    return ('a' <= c && c <= 'z') || ('A' <= c && c <= 'Z') || ('0' <= c && c <= '9') || c == '_' || c == '-';
  };
  std::string reason(word);
  reason += ':';
  for (const char c : name.substr(0, name_chars_max)) reason += plain(c) ? c : '?';
  return fault(std::move(reason));
}

}  // namespace cadastre
