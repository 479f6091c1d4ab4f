#include "token/proof.h"

#include <algorithm>
#include <utility>

#include "token/jws.h"
#include "token/proof_claims.h"

namespace cadastre {
namespace {

constexpr std::int64_t freshness_s = 60;  // to either side (TOKENS.md section 8)

std::unexpected<TokenFault> refused(std::string reason) { return fault(FaultKind::proof, std::move(reason)); }

/// The claims of a proof that the token's holder signed.
Checked<ProofClaims> open_proof(const VerifiedToken& token, std::string_view proof) {
  const Jws jws = TRY(decode_jws(proof));
  const JwsHeader header = TRY(decode_header(jws.header, ObjectKind::proof));
  if (header.jwk != token.holder) return fault("pop_key_mismatch");
  if (!verify(token.holder, as_bytes(jws.signing_input), jws.signature)) return fault("pop_signature");
  return decode_proof_claims(jws.payload);
}

Checked<void> match_proof(const ProofClaims& claims, const Presented& presented, const ProvedRequest& request,
                          Instant now) {
  if (claims.method != request.method) return refused("pop_htm");
  const auto named = normal_url(claims.url);
  if (!named || named != normal_url(request.url)) return refused("pop_htu");
  if (claims.credential_hash != encode_base64url(sha256(presented.credential))) return refused("pop_ath");
  const std::int64_t age_s = s_since_epoch(now) - claims.issued_at_s;
  if (age_s > freshness_s || age_s < -freshness_s) return refused("pop_stale");
  return {};
}

char lower(char c) { return 'A' <= c && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool is_unreserved(char c) {
  return ('a' <= lower(c) && lower(c) <= 'z') || ('0' <= c && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
}

/// Escapes of unreserved characters are undone, the others get upper-case digits (RFC 3986 section 6.2.2). Nothing when
/// a `%` begins none: undoing the escapes after it could make one of it.
std::optional<std::string> normal_path(std::string_view path) {
  std::string normal;
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (path[i] != '%') {
      normal += path[i];
      continue;
    }
    const auto byte = decode_hex(path.substr(i + 1, 2));
    if (!byte || byte->empty()) return std::nullopt;
    i += 2;
    if (is_unreserved(byte->front())) {
      normal += byte->front();
    } else {
      constexpr std::string_view digits = "0123456789ABCDEF";
      const auto value = static_cast<unsigned char>(byte->front());
      normal += '%';
      normal += digits[value >> 4U];
      normal += digits[value & 15U];
    }
  }
  return normal.empty() ? "/" : normal;
}

/// Host and port without the default port, in lower case; an IPv6 address is in brackets (RFC 3986 section 3.2).
/// Nothing when it is anything else.
std::optional<std::string> normal_authority(std::string_view authority, std::string_view default_port) {
  const bool is_bracketed = authority.starts_with('[');
  const std::size_t end = is_bracketed ? authority.find(']') : std::min(authority.find(':'), authority.size());
  if (end == 0 || end == std::string_view::npos || authority.find_first_of("@\\ %") != std::string_view::npos) {
    return std::nullopt;
  }
  const std::size_t host_size = end + (is_bracketed ? 1 : 0);
  std::string_view port = authority.substr(host_size);
  const auto is_digit = [](char c) { return '0' <= c && c <= '9'; };
  if (!port.empty() && (port.front() != ':' || !std::ranges::all_of(port.substr(1), is_digit))) return std::nullopt;
  if (port == ":" || port == default_port) port = {};
  std::string normal;
  for (const char c : authority.substr(0, host_size)) normal += lower(c);
  return normal.append(port);
}

}  // namespace

ReplayMemory::Answer ReplayMemory::remember(const Digest& proof, Instant now) {
  const std::int64_t period = s_since_epoch(now) / period_s;
  if (current_ == 0) current_ = period;
  for (std::size_t forgotten = 0; current_ < period; ++forgotten) {
    current_ = forgotten < periods ? current_ + 1 : period;
    seen_[static_cast<std::size_t>(current_) % periods].clear();
  }
  std::size_t remembered = 0;
  for (const auto& of_period : seen_) {
    if (of_period.contains(proof)) return Answer::seen;
    remembered += of_period.size();
  }
  if (remembered >= capacity_) return Answer::full;
  seen_[static_cast<std::size_t>(current_) % periods].insert(proof);
  return Answer::fresh;
}

Checked<ProofClaims> decode_proof_claims(std::string_view payload) {
  ProofClaims claims;
  claims.issued_at_s = TRY(decode_proof_payload(
      payload, {{"htm", &claims.method}, {"htu", &claims.url}, {"ath", &claims.credential_hash}, {"jti", &claims.id}},
      {"nonce"}));
  return claims;
}

std::optional<std::string> normal_url(std::string_view url) {
  url = url.substr(0, url.find_first_of("?#"));
  std::string normal;
  const std::size_t colon = url.find("://");
  if (colon == std::string_view::npos) return std::nullopt;
  for (const char c : url.substr(0, colon)) normal += lower(c);
  if (normal != "http" && normal != "https") return std::nullopt;
  url.remove_prefix(colon + 3);
  const std::size_t path_at = std::min(url.find('/'), url.size());
  const auto authority = normal_authority(url.substr(0, path_at), normal == "http" ? ":80" : ":443");
  const auto path = normal_path(url.substr(path_at));
  if (!authority || !path) return std::nullopt;
  return normal + "://" + *authority + *path;
}

std::string make_proof(std::string_view credential, const ProvedRequest& request, const PrivateKey& key,
                       const Bytes<16>& id, Instant now) {
  std::string header;
  json::Object fields(header);
  append_jwk(fields.field("alg", name_of(AlgorithmName::eddsa)).key("jwk"), key.public_key());
  fields.field("typ", name_of(ObjectKind::proof)).end();
  std::string payload;
  json::Object(payload)
      .field("ath", encode_base64url(sha256(credential)))
      .field("htm", request.method)
      .field("htu", request.url.substr(0, request.url.find_first_of("?#")))
      .field("iat", s_since_epoch(now))
      .field("jti", encode_base64url(id))
      .end();
  return sign_jws(header, payload, key);
}

Checked<void> check_proof(const VerifiedToken& token, const Presented& presented, const ProvedRequest& request,
                          ReplayMemory& memory, Instant now) {
  const bool by_proof = presented.scheme == AuthorizationScheme::dpop;
  if (!by_proof && !token.requires_pop) return {};
  if (!presented.proof) return refused("pop_required");
  if (!by_proof) return refused("pop_scheme");
  const auto claims = open_proof(token, *presented.proof);
  if (!claims) return refused(claims.error().reason);
  TRY(match_proof(*claims, presented, request, now));
  switch (memory.remember(sha256({token.holder, as_bytes(claims->id)}), now)) {
    case ReplayMemory::Answer::fresh: return {};
    case ReplayMemory::Answer::seen: return refused("pop_replayed");
    case ReplayMemory::Answer::full: return fault(FaultKind::unavailable, "pop_memory_full");
  }
  std::unreachable();
}

}  // namespace cadastre
