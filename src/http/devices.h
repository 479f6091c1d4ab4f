// Handlers of devices: challenges, enrolment by proof, approval, renewal, removal.
#pragma once

#include "http/call.h"
#include "service/devices.h"

namespace cadastre::http {

Result<Response> post_device_challenge(const Call& call, Tx& tx);
Result<Response> get_devices(const Call& call, Reader& reader);
Result<Response> get_device(const Call& call, Reader& reader);
Result<Response> remove_enrolled_device(const Call& call, Tx& tx);
Result<Response> post_device_approval(const Call& call, Tx& tx);
Result<Response> post_device_renewal(const Call& call, Tx& tx);

/// The device as the proof in the body says; nothing of it is checked.
Result<Caller> read_prover(const Request& request, const TenantId& tenant);
/// Turns away a proof that no challenge waits for, unless it was answered before.
Result<void> admit_prover(const Call& call, Reader& reader);
/// A refusal that counts against the challenge is an answer here, so that it is committed.
Result<Response> post_device(const Call& call, Tx& tx);

/// 201 with the device and its token.
Response device_token_answer(const Device& device, const FreshToken& token);

}  // namespace cadastre::http
