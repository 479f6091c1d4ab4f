// What the control plane's answers say.
#pragma once

#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "http/client.h"
#include "service/control_plane_port.h"

namespace cadastre {

/// The JSON object of a success. Throws ControlPlaneAway when it is none.
json::Value object_of(const http::Reply& reply);
/// A member that is a text. Throws ControlPlaneAway when there is none.
std::string text_of(const json::Value& object, std::string_view name);

/// What a problem says, as a sentence with its code and reason.
std::string problem_sentence(const http::Reply& reply);
/// The `reason` of a problem; empty when it has none.
std::string problem_reason(const http::Reply& reply);
/// A refusal of the API's, from an answer of 400 to 499.
Refusal refusal_of(const http::Reply& reply);

/// What the answer of `POST /v1/nodes/{id}/reports` refuses. Throws ControlPlaneAway when it cannot be understood.
std::vector<DisbelievedReport> decode_disbelieved(const http::Reply& reply);

/// The answer of `GET /v1/nodes/{id}/wishes`. Throws ControlPlaneAway when it cannot be understood: nothing may be done
/// by half of it.
NodeWishes decode_wishes(const http::Reply& reply);

}  // namespace cadastre
