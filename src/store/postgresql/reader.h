// The questions of the port, asked over a session that heals.
#pragma once

#include <memory>

#include "service/ports.h"
#include "store/postgresql/session.h"

namespace cadastre::postgresql {

/// Makes a reader that gives its session back to the pool when it goes; the pool is kept as long as it is needed.
std::unique_ptr<Reader> make_reader(std::shared_ptr<SessionPool> pool);

}  // namespace cadastre::postgresql
