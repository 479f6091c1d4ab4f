// The tenants' rate budgets as rows (service/rate_port.h).
#pragma once

#include <memory>

#include "store/postgresql/session.h"

namespace cadastre::postgresql {

std::unique_ptr<RateBudgets> make_rate_budgets(std::shared_ptr<Target> target);

}  // namespace cadastre::postgresql
