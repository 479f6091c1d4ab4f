// The verbs about devices: challenge, enrol, approve, renew, remove. A device is the tenant's and proves its own key.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "domain/challenge.h"
#include "domain/device.h"
#include "domain/precondition.h"
#include "service/caller.h"
#include "service/services.h"
#include "service/tokens.h"
#include "token/enrolment.h"

namespace cadastre {

constexpr std::chrono::seconds challenge_lifetime{300};  // TOKENS.md section 14
constexpr std::chrono::hours collection_lifetime{24};    // how long an administrator may take to approve
constexpr std::int64_t wrong_attempts_max = 5;           // then the challenge is gone
constexpr std::chrono::days device_token_lifetime{30};   // unless the device asks for another

struct ChallengeOrder {
  TenantId tenant;
  std::string device;
  PublicKey subject_key{};
  Scope scope;
  bool needs_approval = false;
};

/// A challenge with the nonce that only its receiver knows.
struct DeviceChallenge {
  Challenge record;
  Bytes<32> nonce{};
};

/// Draws a nonce for one proof of this key as this device. Refuses a scope that the caller may not hand out or that is
/// `service:tenant-admin` or above, a key that is revoked, and the id of a device that has another key.
Result<DeviceChallenge> challenge_device(Tx& tx, Services& services, const Caller& caller, const ChallengeOrder& order);

/// A device after its proof, with its token, or with the nonce for which it gets one once it is approved of.
struct EnrolledDevice {
  Device device;
  std::optional<FreshToken> token = {};
  std::optional<DeviceChallenge> collection = {};
};

/// A refusal that was counted against its challenge: what was written must be kept.
struct CountedAttempt {
  Refusal refusal;
};

/// Whether the nonce waits for a proof now. Refuses with `enrol_nonce_unknown` one that was never drawn, was used, was
/// tried too often or has expired, all in the same words.
Result<Challenge> awaited_challenge(Reader& reader, const TenantId& tenant, const Bytes<32>& nonce, Instant now);

/// Answers a proof. A right one consumes its nonce and enrols the device, or, when it must be approved of, keeps it
/// pending and draws the nonce with which it collects its token; that one stays good while the device is pending. The
/// challenge falls with the token under which it was made. `prover` is the device as its proof says.
Result<std::variant<EnrolledDevice, CountedAttempt>> enrol_device(Tx& tx, Services& services, const Caller& prover,
                                                                  const EnrolmentProof& proof,
                                                                  std::optional<std::int64_t> expires_in_s);

/// An administrator confirms the key that it compared out of band (`SHA256:…`). Doing so twice changes nothing.
Result<Device> approve_device(Tx& tx, Services& services, const Caller& caller, const TenantId& tenant,
                              std::string_view id, std::string_view fingerprint);

/// The caller's own device gets a token in place of the one that it came with, which holds until the new one is used:
/// a device whose answer was lost asks again.
Result<EnrolledDevice> renew_device(Tx& tx, Services& services, const Caller& caller,
                                    std::optional<std::int64_t> expires_in_s);

/// The caller has used its token: when it is its device's newest, the one that it was renewed for ends. Nothing of
/// others.
void end_renewed_token(Tx& tx, const Caller& caller, Instant at);

/// Forgets the device; its token fails from now on. Refuses with `precondition_failed` when `if_match` does not hold.
Result<void> remove_device(Tx& tx, Services& services, const Caller& caller, const TenantId& tenant,
                           std::string_view id, const Precondition& if_match = {});

/// What a revocation was about.
struct Revoked {
  bool all = false;  ///< Every token of the namespace.
  std::optional<RevocationId> rid = {};
  std::optional<PublicKey> key = {};
};

/// Removes the devices that were enrolled or approved under what was revoked, or have that key; the caller may revoke
/// it.
void remove_devices_of(Tx& tx, Services& services, const Caller& caller, const TenantId& tenant,
                       const Revoked& revoked);

Result<Device> device(Reader& reader, const TenantId& tenant, std::string_view id);

}  // namespace cadastre
