#include "store/packed_columns.h"

#include "store/contract_test.h"

namespace cadastre {
namespace {

/// As a create makes it when it asks for nothing special.
Vm plain_vm() {
  Vm vm = sample_vm(id_of("acme"), 1);
  vm.prefer_kvm = false;
  vm.preferred_node.clear();
  vm.ports.clear();
  vm.host_ports.clear();
  vm.generation = 1;
  vm.reboots = 0;
  vm.restart_policy = RestartPolicy::never;
  vm.pool.reset();
  return vm;
}

Vm decoded(std::string_view text) {
  Vm vm = plain_vm();
  decode_vm_details(text, vm);
  return vm;
}

TEST_CASE("a VM that asks for nothing special and was never asked to change has no details") {
  CHECK(encode_vm_details(plain_vm()).empty());
}

TEST_CASE("the details name what is not as a new VM has it, and nothing else") {
  Vm vm = plain_vm();
  vm.reboots = 3;
  CHECK(encode_vm_details(vm) == R"({"reboots":3})");
  vm.generation = 7;
  CHECK(encode_vm_details(vm) == R"({"generation":7,"reboots":3})");
  CHECK(words_of(decoded(encode_vm_details(vm))) == words_of(vm));
  Vm lasting = plain_vm();
  lasting.restart_policy = RestartPolicy::on_failure;
  CHECK(encode_vm_details(lasting) == R"({"restart_policy":"on_failure"})");
  Vm pooled = plain_vm();
  pooled.pool = id_of("pool");
  CHECK(encode_vm_details(pooled) == R"({"pool":"pool"})");
  const Vm whole = sample_vm(id_of("acme"), 1);
  CHECK(words_of(decoded(encode_vm_details(whole))) == words_of(whole));
  CHECK(words_of(decoded("{}")) == words_of(plain_vm()));
}

TEST_CASE("details that no VM has are refused") {
  for (const char* wrong :
       {"", "[", R"({"generation":0})", R"({"generation":"2"})", R"({"reboots":-1})", R"({"reboots":1.5})",
        R"({"restart_policy":"often"})", R"({"host_ports":[{"host_port":65536,"guest_port":1}]})"}) {
    CAPTURE(wrong);
    CHECK_THROWS_AS(decoded(wrong), StoreFailure);
  }
}

}  // namespace
}  // namespace cadastre
