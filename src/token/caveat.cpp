#include "token/caveat.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <optional>
#include <utility>

#include "base/bytes.h"

namespace cadastre {
namespace {

constexpr int caveats_depth_max = 3;  // an array of objects that hold a list or an object

constexpr std::pair<std::string_view, CaveatKind> kinds[] = {
    {"op", CaveatKind::op}, {"method", CaveatKind::method}, {"path", CaveatKind::path}, {"res", CaveatKind::res},
    {"ip", CaveatKind::ip}, {"quota", CaveatKind::quota},   {"rpm", CaveatKind::rpm},   {"uses", CaveatKind::uses}};

/// The segment after the slash at the front of `path`, which is consumed; nothing when there is no slash.
std::optional<std::string_view> take_segment(std::string_view& path) {
  if (!path.starts_with('/')) return std::nullopt;
  const std::size_t end = path.find('/', 1);
  const std::string_view segment = path.substr(1, end == std::string_view::npos ? end : end - 1);
  path.remove_prefix(segment.size() + 1);
  return segment;
}

bool is_word(std::string_view text, bool (*allowed)(char)) {
  return !text.empty() && std::ranges::all_of(text, allowed);
}

bool is_method(std::string_view text) {
  return is_word(text, [](char c) { return 'A' <= c && c <= 'Z'; });
}

bool is_name(std::string_view text) {
  return is_word(text, [](char c) { return '!' <= c && c <= '~'; });
}

/// `vm:…` or `node:…`.
bool is_resource(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || !is_name(text)) return false;
  const std::string_view kind = text.substr(0, colon);
  return (kind == "vm" || kind == "node") && colon + 1 < text.size();
}

/// A pattern that could never match, or whose meaning a reader could take for another, is refused.
bool is_path_pattern(std::string_view text) {
  if (text == "/") return true;
  if (!is_name(text)) return false;
  while (!text.empty()) {
    const auto segment = take_segment(text);
    if (!segment || segment->empty() || *segment == "." || *segment == "..") return false;
    if (*segment == "**" && text.empty()) return true;
    if (*segment != "*" && segment->find_first_of("*?#%") != std::string_view::npos) return false;
  }
  return true;
}

/// An address and how many of its first bits count.
struct Network {
  Bytes<16> bytes{};
  unsigned bits = 0;
  bool is_v4 = false;
};

std::optional<Network> parse_address(std::string_view text) {
  const std::string terminated(text);
  if (text.find('\0') != std::string_view::npos) return std::nullopt;
  Network network;
  if (inet_pton(AF_INET, terminated.c_str(), network.bytes.data()) == 1) {
    network.bits = 32;
    network.is_v4 = true;
    return network;
  }
  if (inet_pton(AF_INET6, terminated.c_str(), network.bytes.data()) != 1) return std::nullopt;
  network.bits = 128;
  return network;
}

/// `::ffff:a.b.c.d` becomes a.b.c.d (RFC 4291 section 2.5.5.2).
void unmap(Network& network) {
  constexpr Bytes<12> prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
  if (network.is_v4 || network.bits < 96 || !std::equal(prefix.begin(), prefix.end(), network.bytes.begin())) return;
  Bytes<16> short_form{};
  std::copy(network.bytes.begin() + 12, network.bytes.end(), short_form.begin());
  network = {.bytes = short_form, .bits = network.bits - 96, .is_v4 = true};
}

std::optional<Network> parse_network(std::string_view text) {
  const std::size_t slash = text.find('/');
  auto network = parse_address(text.substr(0, slash));
  if (!network) return std::nullopt;
  if (slash != std::string_view::npos) {
    const std::string_view digits = text.substr(slash + 1);
    unsigned bits = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
    if (error != std::errc{} || end != digits.data() + digits.size() || bits > network->bits) return std::nullopt;
    network->bits = bits;
  }
  unmap(*network);
  return network;
}

bool is_value(CaveatKind kind, std::string_view text) {
  switch (kind) {
    case CaveatKind::op: return is_name(text);
    case CaveatKind::method: return is_method(text);
    case CaveatKind::path: return is_path_pattern(text);
    case CaveatKind::res: return is_resource(text);
    case CaveatKind::ip: return parse_network(text).has_value();
    case CaveatKind::quota:
    case CaveatKind::rpm:
    case CaveatKind::uses: return false;
  }
  std::unreachable();
}

Checked<Caveat> decode_list(CaveatKind kind, const json::Value& list) {
  if (list.kind != json::Kind::array || list.elements.empty()) return fault("bad_caveat");
  Caveat caveat{.kind = kind};
  for (const json::Value& element : list.elements) {
    if (element.kind != json::Kind::string || !is_value(kind, element.text)) return fault("bad_caveat");
    caveat.values.push_back(element.text);
  }
  return caveat;
}

Checked<Caveat> decode_number(CaveatKind kind, const json::Value& value) {
  constexpr std::int64_t number_max = 1'000'000'000;
  const json::Value* number = &value;
  if (kind == CaveatKind::quota) {
    if (value.members.size() != 1) return fault("bad_caveat");
    number = value.find("vms");
    if (number == nullptr) return fault("bad_caveat");
  }
  const auto integer = number->integer();
  const std::int64_t least = kind == CaveatKind::quota ? 0 : 1;
  if (!integer || *integer < least || *integer > number_max) return fault("bad_caveat");
  return Caveat{.kind = kind, .number = *integer};
}

Checked<Caveat> decode_caveat(const json::Value& value) {
  if (value.kind != json::Kind::object || value.members.size() != 1) return fault("bad_caveat");
  const auto& [name, content] = value.members.front();
  const auto* const known =
      std::ranges::find(kinds, std::string_view(name), &std::pair<std::string_view, CaveatKind>::first);
  if (known == std::end(kinds)) return fault("unknown_caveat");
  switch (known->second) {
    case CaveatKind::op:
    case CaveatKind::method:
    case CaveatKind::path:
    case CaveatKind::res:
    case CaveatKind::ip: return decode_list(known->second, content);
    case CaveatKind::quota:
    case CaveatKind::rpm:
    case CaveatKind::uses: return decode_number(known->second, content);
  }
  std::unreachable();
}

/// What stands after the name: `["GET"]`, `{"vms":3}` or `60`.
void append_content(std::string& out, const Caveat& caveat) {
  if (caveat.kind == CaveatKind::quota) {
    json::Object(out).field("vms", caveat.number).end();
  } else if (caveat.values.empty()) {
    json::append_integer(out, caveat.number);
  } else {
    out += '[';
    for (const std::string& value : caveat.values) {
      if (&value != caveat.values.data()) out += ',';
      json::append_string(out, value);
    }
    out += ']';
  }
}

}  // namespace

std::string_view name_of(CaveatKind kind) {
  return std::ranges::find(kinds, kind, &std::pair<std::string_view, CaveatKind>::second)->first;
}

bool is_counted(CaveatKind kind) {
  return kind == CaveatKind::quota || kind == CaveatKind::rpm || kind == CaveatKind::uses;
}

Checked<std::vector<Caveat>> decode_caveats(const json::Value& cav, std::size_t element) {
  if (cav.kind != json::Kind::array || cav.elements.size() > caveats_per_element_max) return fault("bad_caveat");
  std::vector<Caveat> caveats;
  for (const json::Value& value : cav.elements) {
    caveats.push_back(TRY(decode_caveat(value)));
    caveats.back().element = element;
  }
  return caveats;
}

Result<std::string> admit_caveats(const json::Value& cav) {
  const auto caveats = decode_caveats(cav, 0);
  if (!caveats) return refuse_member("caveats", "are refused: " + caveats.error().reason);
  return *json::canonical(cav);  // every number in it has been read as an integer
}

Checked<std::vector<Caveat>> parse_caveats(std::string_view text, std::size_t element) {
  if (text.empty()) return std::vector<Caveat>();
  const auto array = json::parse(text, caveats_depth_max).value;
  return decode_caveats(array.value_or(json::Value()), element);  // what is no JSON is no list either
}

std::string encode_caveats(const std::vector<Caveat>& caveats) {
  if (caveats.empty()) return {};
  std::string text = "[";
  for (const Caveat& caveat : caveats) {
    if (&caveat != caveats.data()) text += ',';
    json::Object object(text);
    append_content(object.key(name_of(caveat.kind)), caveat);
    object.end();
  }
  return text + ']';
}

Result<std::string> inherit_caveats(const std::vector<Caveat>& inherited, std::string_view own) {
  if (inherited.empty()) return std::string(own);
  const auto added = parse_caveats(own, 0);
  if (!added) return refuse_member("caveats", "are refused: " + added.error().reason);
  std::vector<Caveat> all = inherited;
  std::ranges::copy_if(*added, std::back_inserter(all),
                       [&](const Caveat& caveat) { return std::ranges::find(inherited, caveat) == inherited.end(); });
  if (all.size() > caveats_per_element_max) {
    return refuse_member("caveats", fmt::format("are more than {} with the {} of the token it is issued under",
                                                caveats_per_element_max, inherited.size()));
  }
  return encode_caveats(all);
}

bool path_matches(std::string_view pattern, std::string_view path) {
  while (!pattern.empty()) {
    const auto wanted = take_segment(pattern);
    if (wanted == "**" && pattern.empty()) return path.starts_with('/');
    const auto segment = take_segment(path);
    if (!wanted || !segment || (*wanted == "*" ? segment->empty() : *wanted != *segment)) return false;
  }
  return path.empty();
}

bool is_network(std::string_view text) { return parse_network(text).has_value(); }

bool network_has(std::string_view network, std::string_view address) {
  const auto wanted = parse_network(network);
  auto seen = parse_address(address);
  if (!wanted || !seen) return false;
  unmap(*seen);
  if (wanted->is_v4 != seen->is_v4) return false;
  for (unsigned bit = 0; bit < wanted->bits; ++bit) {
    const unsigned differing = static_cast<unsigned>(wanted->bytes[bit / 8] ^ seen->bytes[bit / 8]);
    if (((differing >> (7 - bit % 8)) & 1U) != 0) return false;
  }
  return true;
}

bool allows(const Caveat& caveat, const TokenUse& use) {
  const auto any = [&](auto&& matches) { return std::ranges::any_of(caveat.values, matches); };
  switch (caveat.kind) {
    case CaveatKind::op: return any([&](const std::string& value) { return value == use.operation; });
    case CaveatKind::method: return any([&](const std::string& value) { return value == use.method; });
    case CaveatKind::path: return any([&](const std::string& value) { return path_matches(value, use.path); });
    case CaveatKind::res: return any([&](const std::string& value) { return value == use.resource; });
    case CaveatKind::ip: return any([&](const std::string& value) { return network_has(value, use.peer); });
    case CaveatKind::quota:
    case CaveatKind::rpm:
    case CaveatKind::uses: return use.charges_counters;
  }
  std::unreachable();
}

}  // namespace cadastre
