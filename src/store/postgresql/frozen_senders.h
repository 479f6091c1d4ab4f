// Ends the transactions of those who stand still while they send.
#pragma once

#include "store/postgresql/session.h"

namespace cadastre::postgresql {

/// After a lock was waited for in vain: ends the sessions of this program, on this database and of this role, that have
/// kept the database waiting for the rest of what they send for as long as it lets a transaction stand idle. They hold
/// the locks of their transaction, and no limit of the database's ends them: a statement that has not arrived runs no
/// time. Nothing of such a transaction was committed; its process, if it wakes, runs it again. Throws nothing when the
/// database cannot be asked: the session is dropped then.
void end_frozen_senders(Session& session);

}  // namespace cadastre::postgresql
