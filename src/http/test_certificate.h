// Throwaway authorities and certificates as PEM files, for tests of TLS.
#pragma once

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>

namespace cadastre::http {

/// A folder for the test's files that goes with it.
class TestFolder {
 public:
  TestFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "cadastre-tls-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make a folder");
    path_ = name;
  }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;
  ~TestFolder() { std::filesystem::remove_all(path_); }
  std::string file(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

/// A P-256 key and its certificate for a day, signed by an issuer or by itself.
class TestCertificate {
 public:
  explicit TestCertificate(const std::string& name, const TestCertificate* issuer = nullptr)
      : key_(EVP_EC_gen("P-256"), &EVP_PKEY_free), certificate_(X509_new(), &X509_free) {
    X509* const made = certificate_.get();
    X509_set_version(made, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(made), 1);
    X509_gmtime_adj(X509_getm_notBefore(made), -60);
    X509_gmtime_adj(X509_getm_notAfter(made), 24L * 60 * 60);
    X509_set_pubkey(made, key_.get());
    X509_NAME_add_entry_by_txt(X509_get_subject_name(made), "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
    X509_set_issuer_name(made, X509_get_subject_name(issuer == nullptr ? made : issuer->certificate_.get()));
    add(NID_basic_constraints, issuer == nullptr ? "critical,CA:TRUE" : "critical,CA:FALSE");
    add(NID_subject_alt_name, "IP:127.0.0.1");
    if (X509_sign(made, issuer == nullptr ? key_.get() : issuer->key_.get(), EVP_sha256()) == 0) {
      throw std::runtime_error("cannot sign a certificate");
    }
  }

  void write_certificate(const std::string& path) const {
    write(path, [&](FILE* file) { return PEM_write_X509(file, certificate_.get()); });
  }
  void write_key(const std::string& path) const {
    write(path,
          [&](FILE* file) { return PEM_write_PrivateKey(file, key_.get(), nullptr, nullptr, 0, nullptr, nullptr); });
    std::filesystem::permissions(path, std::filesystem::perms(0600));
  }

  X509* certificate() const { return certificate_.get(); }
  EVP_PKEY* key() const { return key_.get(); }

 private:
  void add(int extension, const char* value) {
    const std::unique_ptr<X509_EXTENSION, void (*)(X509_EXTENSION*)> made(
        X509V3_EXT_conf_nid(nullptr, nullptr, extension, value), &X509_EXTENSION_free);
    X509_add_ext(certificate_.get(), made.get(), -1);
  }
  template <class Write>
  static void write(const std::string& path, Write write_to) {
    const std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(path.c_str(), "w"), &std::fclose);
    if (file == nullptr || write_to(file.get()) != 1) throw std::runtime_error("cannot write " + path);
  }

  std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key_;
  std::unique_ptr<X509, void (*)(X509*)> certificate_;
};

}  // namespace cadastre::http
