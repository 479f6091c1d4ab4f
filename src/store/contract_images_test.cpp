// The store's contract: images, SSH keys and consoles.
#include <fmt/format.h>

#include "store/contract_test.h"

namespace cadastre {
namespace {

const TenantId acme = id_of("acme");
const TenantId zeta = id_of("zeta");

Image bare_image(const TenantId& tenant, std::uint8_t number) {
  Image bare = sample_image(tenant, number);
  bare.facts.format = ImageFormat::raw;
  bare.facts.initrd.reset();
  bare.facts.cmdline.clear();
  bare.facts.min_disk = {};
  return bare;
}

template <class Row>
std::string words_of_all(const std::vector<Row>& rows) {
  std::string words;
  for (const Row& row : rows) words += words_of(row) + '\n';
  return words;
}

/// All that can be asked of the rows whose number is 1, and of the lists.
std::string look(Reader& reader, const TenantId& tenant) {
  std::string words;
  if (const auto image = reader.image(tenant, sample_image(tenant, 1).facts.name)) words += words_of(*image) + '\n';
  if (const auto key = reader.ssh_key(tenant, sample_ssh_key(tenant, 1).name)) words += words_of(*key) + '\n';
  if (const auto console = reader.vm_console(tenant, sample_vm_console(tenant, 1).vm)) words += words_of(*console);
  return words + "/" + words_of_all(reader.images(tenant, {})) + "/" + words_of_all(reader.ssh_keys(tenant, {}));
}

std::string words_when_there(const Image& image, const SshKey& key, const VmConsole& console) {
  return words_of(image) + '\n' + words_of(key) + '\n' + words_of(console) + "/" + words_of(image) + "\n/" +
         words_of(key) + '\n';
}

void put_all(Tx& tx, const TenantId& tenant, std::uint8_t number) {
  tx.put(sample_image(tenant, number));
  tx.put(sample_ssh_key(tenant, number));
  tx.put(sample_vm_console(tenant, number));
}

void erase_all(Tx& tx, const TenantId& tenant, std::uint8_t number) {
  tx.erase_image(tenant, sample_image(tenant, number).facts.name);
  tx.erase_ssh_key(tenant, sample_ssh_key(tenant, number).name);
  tx.erase_vm_console(tenant, sample_vm_console(tenant, number).vm);
}

TEST_CASE("images, SSH keys and consoles are read as they were written, replaced and erased") {
  on_every_store([](Store& store) {
    register_tenant(store, "acme");
    const auto reader = store.open_reader();
    const std::string nothing = look(*reader, acme);
    CHECK(nothing == "//");
    const auto write = [&](const std::function<void(Tx&)>& body, const std::string& expected) {
      std::string inside;
      change(store, acme, [&](Tx& tx) {
        look(tx, acme);
        body(tx);
        inside = look(tx, acme);
      });
      CHECK(inside == expected);
      CHECK(look(*reader, acme) == expected);
    };
    const std::string first =
        words_when_there(sample_image(acme, 1), sample_ssh_key(acme, 1), sample_vm_console(acme, 1));
    VmConsole later = sample_vm_console(acme, 1);
    later.bytes.clear();
    later.updated_at = noon + std::chrono::hours(1);
    SshKey other = sample_ssh_key(acme, 1);
    other.public_key = "ssh-rsa AAAA";
    write([](Tx& tx) { put_all(tx, acme, 1); }, first);
    write([&](Tx& tx) { tx.put(bare_image(acme, 1)), tx.put(other), tx.put(later); },
          words_when_there(bare_image(acme, 1), other, later));
    drop(store, acme, [](Tx& tx) { put_all(tx, acme, 1); });
    write([](Tx& tx) { erase_all(tx, acme, 1); }, nothing);
    write([](Tx& tx) { put_all(tx, acme, 1), erase_all(tx, acme, 1); }, nothing);
    write([&](Tx& tx) { tx.put(bare_image(acme, 1)), tx.put(later), tx.put(other), put_all(tx, acme, 1); }, first);
    drop(store, acme, [](Tx& tx) { erase_all(tx, acme, 1); });
    CHECK(look(*reader, acme) == first);
  });
}

TEST_CASE("images and SSH keys are listed by the bytes of their names, page by page") {
  on_every_store([](Store& store) {
    register_tenant(store, "acme");
    change(store, acme, [](Tx& tx) {
      for (const char* name : {"a", "B", "debian-12", "debian-9", "b"}) {
        Image image = sample_image(acme, 1);
        image.facts.name = name;
        tx.put(image);
        SshKey key = sample_ssh_key(acme, 1);
        key.name = name;
        tx.put(key);
      }
    });
    const auto names = [](const auto& rows) {
      std::string all;
      for (const auto& row : rows) {
        if constexpr (requires { row.facts; })
          all += row.facts.name + ' ';
        else
          all += row.name + ' ';
      }
      return all;
    };
    const auto reader = store.open_reader();
    const auto check = [&](const NameQuery& query, const char* expected) {
      CHECK(names(reader->images(acme, query)) == expected);
      CHECK(names(reader->ssh_keys(acme, query)) == expected);
      change(store, acme, [&](Tx& tx) {
        CHECK(names(tx.images(acme, query)) == expected);
        CHECK(names(tx.ssh_keys(acme, query)) == expected);
      });
    };
    check({}, "B a b debian-12 debian-9 ");
    check({.after = {}, .limit = 2}, "B a ");
    check({.after = "a", .limit = 2}, "b debian-12 ");
    check({.after = "debian-9", .limit = 2}, "");
  });
}

TEST_CASE("a console is kept to its last byte, whatever they are, and no longer one is") {
  on_every_store([](Store& store) {
    register_tenant(store, "acme");
    VmConsole console = sample_vm_console(acme, 1);
    console.bytes.clear();
    for (std::size_t i = 0; i < console_bytes_max; ++i) console.bytes += static_cast<char>(i % 256);
    change(store, acme, [&](Tx& tx) { tx.put(console); });
    const auto reader = store.open_reader();
    CHECK(reader->vm_console(acme, console.vm).value().bytes == console.bytes);
    VmConsole longer = console;
    longer.bytes += 'x';
    CHECK_THROWS_AS(change(store, acme, [&](Tx& tx) { tx.put(longer); }), StoreFailure);
    CHECK(reader->vm_console(acme, console.vm).value().bytes == console.bytes);
  });
}

TEST_CASE("images, SSH keys and consoles are one tenant's, raise nothing in its row, and need it to be there") {
  on_every_store([](Store& store) {
    register_tenant(store, "acme");
    register_tenant(store, "zeta");
    const auto reader = store.open_reader();
    const std::string before = words_of(reader->tenant(acme).value());
    change(store, acme, [](Tx& tx) { put_all(tx, acme, 1); });
    CHECK(words_of(reader->tenant(acme).value()) == before);
    CHECK(look(*reader, zeta) == "//");
    change(store, zeta, [](Tx& tx) { CHECK(look(tx, zeta) == "//"); });
    const std::function<void(Tx&)> failing[] = {
        [](Tx& tx) { tx.erase_image(zeta, sample_image(acme, 1).facts.name); },
        [](Tx& tx) { tx.erase_ssh_key(zeta, sample_ssh_key(acme, 1).name); },
        [](Tx& tx) { tx.put(sample_image(id_of("nobody"), 1)); },
        [](Tx& tx) { tx.put(sample_ssh_key(id_of("nobody"), 1)); },
        [](Tx& tx) { tx.put(sample_vm_console(id_of("nobody"), 1)); },
    };
    for (const auto& body : failing) CHECK_THROWS_AS(change(store, zeta, body), StoreFailure);
    change(store, zeta, [](Tx& tx) { tx.erase_vm_console(zeta, sample_vm_console(acme, 1).vm); });
    change(store, zeta, [](Tx& tx) { put_all(tx, zeta, 1); });
    change(store, zeta, [](Tx& tx) { erase_all(tx, zeta, 1); });
    CHECK(reader->image(acme, sample_image(acme, 1).facts.name));
    CHECK(reader->ssh_key(acme, sample_ssh_key(acme, 1).name));
    CHECK(reader->vm_console(acme, sample_vm_console(acme, 1).vm));
  });
}

}  // namespace
}  // namespace cadastre
