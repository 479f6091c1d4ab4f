#include "http/wish_record.h"

#include "base/json.h"
#include "http/images.h"

namespace cadastre::http {
namespace {

std::string_view wish_of(const Vm& vm) {
  if (vm.state == VmState::deleting) return "delete";
  return vm.wish == VmWish::run ? "run" : "stop";
}

void append_ports(std::string& out, const std::vector<PortOrder>& ports) {
  out += '[';
  for (const PortOrder& port : ports) {
    if (&port != ports.data()) out += ',';
    json::Object(out).field("guest_port", std::int64_t{port.guest_port}).field("protocol", port.protocol).end();
  }
  out += ']';
}

void append_keys(std::string& out, const std::vector<SshKey>& keys) {
  out += '[';
  for (const SshKey& key : keys) {
    if (&key != keys.data()) out += ',';
    json::append_string(out, key.public_key);
  }
  out += ']';
}

void append_wish(std::string& out, const Vm& vm, const VmSources& sources) {
  json::Object object(out);
  object.field("vm_id", vm.id.text())
      .field("tenant_id", vm.tenant.text())
      .field("name", vm.name)
      .field("vm_type", vm.vm_type)
      .field("state", name_of(vm.state))
      .field("generation", vm.generation)
      .field("wish", wish_of(vm))
      .field("reboots", vm.reboots)
      .field("ram_mb", vm.ram.value)
      .field("vcpu_count", vm.vcpus.value)
      .field("disk_gb", vm.disk.value)
      .field("restart_policy", name_of(vm.restart_policy));
  append_ports(object.key("ports"), vm.ports);
  const auto image = sources.images.find(vm.vm_type);
  if (image == sources.images.end())
    object.null("image");
  else
    append_image_source(object.key("image"), image->second);
  append_keys(object.key("ssh_authorized_keys"), sources.ssh_keys);
  object.end();
}

}  // namespace

void append_wishes(std::string& out, const WishedVms& wishes) {
  out += '[';
  for (const Vm& vm : wishes.vms) {
    if (&vm != wishes.vms.data()) out += ',';
    append_wish(out, vm, wishes.sources.at(vm.tenant));
  }
  out += ']';
}

}  // namespace cadastre::http
