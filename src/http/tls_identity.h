// Who the server is towards TLS clients, and whom it believes to be an administrator: the files of the settings.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "base/time.h"

struct ssl_st;
struct ssl_ctx_st;

namespace cadastre::http {

/// PEM files.
struct TlsFiles {
  std::string certificate;         ///< `--tls-cert`: the server's own first, then those that lead to an authority.
  std::string key;                 ///< `--tls-key`: its private key, without a passphrase.
  std::string client_authorities;  ///< `--tls-client-ca`: who signs administrators' certificates; empty: nobody does.
};

struct SslFree {
  void operator()(ssl_st* ssl) const;
  void operator()(ssl_ctx_st* context) const;
};
using SslHandle = std::unique_ptr<ssl_st, SslFree>;

/// The certificate that new connections are shown: TLS 1.3 alone, `http/1.1` by ALPN (RFC 7301), no resumption
/// (decision 13). Thread-safe.
class TlsIdentity {
 public:
  /// Throws std::runtime_error with one sentence that names the setting when a file cannot be read, the two do not
  /// belong together, or everybody may read the key.
  explicit TlsIdentity(TlsFiles files);
  TlsIdentity(const TlsIdentity&) = delete;
  TlsIdentity& operator=(const TlsIdentity&) = delete;
  ~TlsIdentity();

  /// Reads the files again. Connections that are open keep what they have. Throws as the constructor, and then nothing
  /// has changed.
  void reload();
  bool asks_for_certificates() const { return !files_.client_authorities.empty(); }
  /// When the certificate stops being valid.
  Instant not_after() const;
  /// The server's side of one new connection.
  SslHandle accept_session() const;

 private:
  const TlsFiles files_;
  mutable std::mutex mutex_;
  std::unique_ptr<ssl_ctx_st, SslFree> context_;  // guarded by the mutex
};

}  // namespace cadastre::http
