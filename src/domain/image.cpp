#include "domain/image.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "domain/quota.h"

namespace cadastre {
namespace {

constexpr std::size_t url_max = 2048;
constexpr std::size_t cmdline_max = 2047;  // the kernel's COMMAND_LINE_SIZE on x86 less its final NUL
constexpr std::int64_t size_bytes_max = std::int64_t{1} << 44U;  // 16 TiB, the most that ext4 keeps in a file

std::optional<ImageFormat> parse_format(std::string_view text) {
  for (const auto format : {ImageFormat::qcow2, ImageFormat::raw, ImageFormat::kernel}) {
    if (name_of(format) == text) return format;
  }
  return std::nullopt;
}

/// What may stand in a URI (RFC 3986 section 2), but for the fragment's mark: a fragment never reaches a server.
bool is_of_url(char c) { return '!' <= c && c <= '~' && !std::string_view("\"#<>\\^`{|}").contains(c); }

/// Of host and port: a name, an IPv4 address or an IPv6 address in brackets. No `@`, so no user information.
bool is_of_authority(char c) {
  return ('a' <= c && c <= 'z') || ('A' <= c && c <= 'Z') || ('0' <= c && c <= '9') ||
         std::string_view(".-_:[]").contains(c);
}

bool is_url(std::string_view url) {
  if (url.size() > url_max || !std::ranges::all_of(url, is_of_url)) return false;
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!url.starts_with(scheme)) continue;
    const std::string_view rest = url.substr(scheme.size());
    const std::string_view authority = rest.substr(0, rest.find_first_of("/?"));
    return !authority.empty() && authority.front() != ':' && std::ranges::all_of(authority, is_of_authority);
  }
  return false;
}

std::optional<Bytes<32>> parse_digest(std::string_view text) {
  const auto bytes = decode_hex(text);
  const auto digest = bytes ? exactly<32>(*bytes) : std::nullopt;
  return digest && encode_hex(*digest) == text ? digest : std::nullopt;
}

ImageFile check_file(std::vector<FieldError>& errors, const std::string& place, const ImageFileOrder& order) {
  if (!is_url(order.url)) {
    errors.push_back({place + "/url", fmt::format("must be an http or https URL of at most {} characters without user "
                                                  "information and fragment",
                                                  url_max)});
  }
  const auto digest = parse_digest(order.sha256);
  if (!digest) errors.push_back({place + "/sha256", "must be 64 lower-case hex digits"});
  if (order.size_bytes < 1 || order.size_bytes > size_bytes_max) {
    errors.push_back({place + "/size_bytes", fmt::format("must be an integer from 1 to {}", size_bytes_max)});
  }
  return {.url = order.url, .sha256 = digest.value_or(Bytes<32>{}), .size_bytes = order.size_bytes};
}

void check_cmdline(std::vector<FieldError>& errors, std::string_view cmdline) {
  const auto is_printable = [](char c) { return ' ' <= c && c <= '~'; };
  if (cmdline.empty() || cmdline.size() > cmdline_max || !std::ranges::all_of(cmdline, is_printable)) {
    errors.push_back({"/cmdline", fmt::format("must have 1 to {} printable ASCII characters", cmdline_max)});
  }
}

}  // namespace

std::string_view name_of(ImageFormat format) {
  switch (format) {
    case ImageFormat::qcow2: return "qcow2";
    case ImageFormat::raw: return "raw";
    case ImageFormat::kernel: return "kernel";
  }
  std::unreachable();
}

Result<ImageFacts> check_image(const ImageOrder& order) {
  std::vector<FieldError> errors;
  ImageFacts facts{.name = order.name, .min_disk = order.min_disk};
  if (!is_resource_name(order.name)) {
    errors.push_back({"/name", "must have 1 to 63 letters, digits and single '-', and not start or end with '-'"});
  }
  const auto format = parse_format(order.format);
  if (!format) errors.push_back({"/format", "must be qcow2, raw or kernel"});
  facts.format = format.value_or(ImageFormat::qcow2);
  facts.file = check_file(errors, "", order.file);
  const bool may_boot = !format || *format == ImageFormat::kernel;
  if (order.initrd && !may_boot) errors.push_back({"/initrd", "goes with a kernel alone"});
  if (order.initrd && may_boot) facts.initrd = check_file(errors, "/initrd", *order.initrd);
  if (order.cmdline && !may_boot) errors.push_back({"/cmdline", "goes with a kernel alone"});
  if (order.cmdline && may_boot) check_cmdline(errors, *order.cmdline);
  facts.cmdline = order.cmdline.value_or("");
  if (order.min_disk < Gigabytes{0} || order.min_disk > Gigabytes{limit_max}) {
    errors.push_back({"/min_disk_gb", fmt::format("must be an integer from 0 to {}", limit_max)});
  }
  TRY(refuse_members(std::move(errors)));
  return facts;
}

std::int64_t revision_of(const Image& image) { return ms_since_epoch(image.created_at); }

}  // namespace cadastre
