#include "http/tls_identity.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/stat.h>
#include <time.h>

#include <cerrno>
#include <fstream>
#include <string_view>
#include <system_error>

#include "base/invariant.h"

namespace cadastre::http {
namespace {

using Context = std::unique_ptr<ssl_ctx_st, SslFree>;

constexpr unsigned char offered_protocol[] = "\x08http/1.1";

[[noreturn]] void wrong(std::string_view setting, std::string_view fault) {
  const char* const reason = ERR_reason_error_string(ERR_peek_last_error());
  const auto why = reason != nullptr ? fmt::format(" ({})", reason) : std::string();
  ERR_clear_error();
  throw std::runtime_error(fmt::format("setting {}: {}{}", setting, fault, why));
}

void expect_readable(std::string_view setting, const std::string& path) {
  if (std::ifstream(path).get() != std::ifstream::traits_type::eof()) return;
  const int reason = errno;
  ERR_clear_error();
  wrong(setting, reason == 0 ? fmt::format("{} is empty", path)
                             : fmt::format("cannot read {}: {}", path, std::generic_category().message(reason)));
}

/// A group may read it, as a group for certificates' users does; everybody may not.
void expect_secret(const std::string& path) {
  struct stat about{};
  if (::stat(path.c_str(), &about) != 0 || (about.st_mode & 07U) == 0) return;
  wrong("tls-key", fmt::format("{} can be read by everybody: run chmod o= on it", path));
}

/// Takes http/1.1 where it is offered and ends the handshake where something else is. Who offers nothing is served.
int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* chosen_bytes, const unsigned char* offered,
                    unsigned offered_bytes, void*) {
  unsigned char* found = nullptr;
  if (SSL_select_next_proto(&found, chosen_bytes, offered_protocol, sizeof offered_protocol - 1, offered,
                            offered_bytes) != OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  }
  *chosen = found;
  return SSL_TLSEXT_ERR_OK;
}

/// A server has nobody to ask for a passphrase.
int no_passphrase(char*, int, int, void*) { return 0; }

void load_pair(ssl_ctx_st* context, const TlsFiles& files) {
  expect_readable("tls-cert", files.certificate);
  expect_readable("tls-key", files.key);
  expect_secret(files.key);
  if (SSL_CTX_use_certificate_chain_file(context, files.certificate.c_str()) != 1) {
    wrong("tls-cert", fmt::format("{} holds no chain of certificates in PEM", files.certificate));
  }
  if (SSL_CTX_use_PrivateKey_file(context, files.key.c_str(), SSL_FILETYPE_PEM) != 1) {
    wrong("tls-key", fmt::format("{} does not hold the private key, in PEM and without a passphrase, of the "
                                 "certificate in {}",
                                 files.key, files.certificate));
  }
}

void load_authorities(ssl_ctx_st* context, const std::string& path) {
  if (path.empty()) return;
  expect_readable("tls-client-ca", path);
  STACK_OF(X509_NAME)* const names = SSL_load_client_CA_file(path.c_str());
  if (names == nullptr || SSL_CTX_load_verify_file(context, path.c_str()) != 1) {
    sk_X509_NAME_pop_free(names, X509_NAME_free);
    wrong("tls-client-ca", fmt::format("{} holds no certificate in PEM", path));
  }
  SSL_CTX_set_client_CA_list(context, names);             // takes them over
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);  // none is let in, a wrong one is not
}

Context load(const TlsFiles& files) {
  ERR_clear_error();
  Context context(SSL_CTX_new(TLS_server_method()));
  CHECK_INVARIANT(context != nullptr);
  CHECK_INVARIANT(SSL_CTX_set_min_proto_version(context.get(), TLS1_3_VERSION) == 1);
  CHECK_INVARIANT(SSL_CTX_set_max_proto_version(context.get(), TLS1_3_VERSION) == 1);
  // A request says itself where it ends, so that an end without close_notify takes nothing from it (RFC 9112 section
  // 8).
  SSL_CTX_set_options(context.get(), SSL_OP_NO_TICKET | SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context.get(), 0);
  SSL_CTX_set_mode(context.get(),
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_clear_mode(context.get(), SSL_MODE_AUTO_RETRY);  // a flood of key updates must not keep the thread
  SSL_CTX_set_default_passwd_cb(context.get(), no_passphrase);
  SSL_CTX_set_alpn_select_cb(context.get(), choose_protocol, nullptr);
  load_pair(context.get(), files);
  load_authorities(context.get(), files.client_authorities);
  return context;
}

}  // namespace

void SslFree::operator()(ssl_st* ssl) const { SSL_free(ssl); }
void SslFree::operator()(ssl_ctx_st* context) const { SSL_CTX_free(context); }

TlsIdentity::TlsIdentity(TlsFiles files) : files_(std::move(files)), context_(load(files_)) {}
TlsIdentity::~TlsIdentity() = default;

void TlsIdentity::reload() {
  Context fresh = load(files_);
  const std::scoped_lock lock(mutex_);
  context_.swap(fresh);
}

Instant TlsIdentity::not_after() const {
  const std::scoped_lock lock(mutex_);
  tm parts{};
  CHECK_INVARIANT(ASN1_TIME_to_tm(X509_get0_notAfter(SSL_CTX_get0_certificate(context_.get())), &parts) == 1);
  return instant_from_s(::timegm(&parts));
}

SslHandle TlsIdentity::accept_session() const {
  const std::scoped_lock lock(mutex_);
  SslHandle session(SSL_new(context_.get()));
  if (session == nullptr) throw std::bad_alloc();
  SSL_set_accept_state(session.get());
  return session;
}

}  // namespace cadastre::http
