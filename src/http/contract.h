// The contract of the API, api/openapi.yaml, as this program was built with.
#pragma once

#include <memory>
#include <string>

namespace cadastre::http {

/// api/openapi.yaml as JSON.
std::shared_ptr<const std::string> contract_json();

}  // namespace cadastre::http
