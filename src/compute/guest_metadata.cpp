#include "compute/guest_metadata.h"

#include <fmt/format.h>

#include <charconv>
#include <map>

namespace cadastre {
namespace {

using Attributes = std::map<std::string_view, std::string_view>;

void write_attributes(XmlWriter& xml, const GuestMetadata& metadata) {
  std::string ports;
  for (const auto& port : metadata.host_ports) {
    ports += fmt::format("{}{}:{}:{}", ports.empty() ? "" : " ", port.protocol, port.host_port, port.guest_port);
  }
  xml.attribute("vm_id", metadata.id.text());
  xml.attribute("tenant", metadata.tenant.text());
  xml.attribute("generation", metadata.generation);
  xml.attribute("ports", ports);
  xml.attribute("segment", metadata.segment);
  if (metadata.started_at) xml.attribute("started_at", format_rfc3339(*metadata.started_at));
}

/// Takes what stands before `mark` off the text, and the mark; nothing when it is not there.
std::optional<std::string_view> take_until(std::string_view& text, char mark) {
  const auto at = text.find(mark);
  if (at == std::string_view::npos) return std::nullopt;
  const auto taken = text.substr(0, at);
  text.remove_prefix(at + 1);
  return taken;
}

/// The attributes of a single empty element named `guest`. No value that the encoder writes needs an entity, so one
/// that has any is none of ours.
std::optional<Attributes> parse_element(std::string_view text) {
  constexpr std::string_view start = "<guest ";
  if (!text.starts_with(start) || !text.ends_with("/>")) return std::nullopt;
  text.remove_prefix(start.size());
  text.remove_suffix(2);
  Attributes attributes;
  while (!text.empty()) {
    const auto name = take_until(text, '=');
    if (!name || text.empty() || (text.front() != '"' && text.front() != '\'')) return std::nullopt;
    const char quote = text.front();
    text.remove_prefix(1);
    const auto value = take_until(text, quote);
    if (!value || value->find_first_of("&<>") != std::string_view::npos) return std::nullopt;
    if (!attributes.emplace(*name, *value).second) return std::nullopt;
    while (text.starts_with(' ')) text.remove_prefix(1);
  }
  return attributes;
}

template <class Number>
std::optional<Number> parse_number(std::string_view text) {
  Number number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<HostPort> parse_host_port(std::string_view text) {
  const auto protocol = take_until(text, ':');
  if (!protocol || (*protocol != "tcp" && *protocol != "udp")) return std::nullopt;
  const auto host = take_until(text, ':');
  if (!host) return std::nullopt;
  const auto host_port = parse_number<std::uint16_t>(*host);
  const auto guest_port = parse_number<std::uint16_t>(text);
  if (!host_port || !guest_port || *host_port == 0 || *guest_port == 0) return std::nullopt;
  return HostPort{*host_port, *guest_port, std::string(*protocol)};
}

std::optional<std::vector<HostPort>> parse_host_ports(std::string_view text) {
  std::vector<HostPort> ports;
  while (!text.empty()) {
    const auto end = std::min(text.find(' '), text.size());
    auto port = parse_host_port(text.substr(0, end));
    if (!port) return std::nullopt;
    ports.push_back(std::move(*port));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return ports;
}

}  // namespace

std::string encode_guest_metadata(const GuestMetadata& metadata) {
  XmlWriter xml;
  xml.open("guest");
  write_attributes(xml, metadata);
  return xml.close().str();
}

void write_guest_metadata(XmlWriter& xml, const GuestMetadata& metadata) {
  const std::string prefix = guest_metadata_prefix;
  xml.open(prefix + ":guest").attribute("xmlns:" + prefix, guest_metadata_uri);
  write_attributes(xml, metadata);
  xml.close();
}

std::optional<GuestMetadata> parse_guest_metadata(std::string_view element) {
  auto attributes = parse_element(element);
  if (!attributes) return std::nullopt;
  const auto id = VmId::parse((*attributes)["vm_id"]);
  auto tenant = TenantId::parse((*attributes)["tenant"]);
  const auto generation = parse_number<std::int64_t>((*attributes)["generation"]);
  auto ports = parse_host_ports((*attributes)["ports"]);
  const auto segment = parse_number<std::uint16_t>((*attributes)["segment"]);
  if (!id || !tenant || !generation || !ports || !segment) return std::nullopt;
  return GuestMetadata{
      *id, *std::move(tenant), *generation, *std::move(ports), *segment, parse_rfc3339((*attributes)["started_at"])};
}

}  // namespace cadastre
