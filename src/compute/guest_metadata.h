// What a libvirt domain carries to say whose it is. It survives every restart, so it is what adoption goes by.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "compute/xml_writer.h"
#include "domain/vm.h"

namespace cadastre {

/// The namespace and prefix of our element below a domain's `<metadata>`.
constexpr const char* guest_metadata_uri = "urn:cadastre:guest:1";
constexpr const char* guest_metadata_prefix = "cadastre";

struct GuestMetadata {
  VmId id;
  TenantId tenant;
  std::int64_t generation = 0;
  std::vector<HostPort> host_ports;
  int segment = 0;                    ///< Of its tenant on this node; 0: none.
  std::optional<Instant> started_at;  ///< Only in the copy that ends with the guest's process.
};

/// The element as libvirt takes it, without prefix: `<guest vm_id="…" …/>`.
std::string encode_guest_metadata(const GuestMetadata& metadata);
/// The same as part of a domain, with its prefix.
void write_guest_metadata(XmlWriter& xml, const GuestMetadata& metadata);
/// Reads the element as libvirt gives it back. Nothing when it is not exactly of the form that the encoder writes:
/// another's domain then.
std::optional<GuestMetadata> parse_guest_metadata(std::string_view element);

}  // namespace cadastre
