#include "store/postgresql/frozen_senders.h"

#include "base/log.h"

namespace cadastre::postgresql {

void end_frozen_senders(Session& session) {
  try {
    Rows rows = session.connection().run(Sql::end_frozen_senders, idle_patience.count());
    const std::int64_t ended = rows.next() ? rows.integer(0) : 0;
    if (ended > 0) log::warn("sessions that stood still in a transaction were ended", {{"sessions", ended}});
  } catch (const StoreFailure& failure) {
    session.drop();
    log::warn("whether a session stands still in a transaction could not be asked", {{"reason", failure.what()}});
  }
}

}  // namespace cadastre::postgresql
