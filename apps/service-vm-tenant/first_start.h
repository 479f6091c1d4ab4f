// What a data directory is before and after its first start.
#pragma once

#include <memory>

#include "key_files.h"
#include "service/ports.h"
#include "service/services.h"
#include "settings.h"
#include "store/open_store.h"

namespace cadastre {

/// A data directory that is open: its keys, its store, and what the store says the deployment is called.
struct Opened {
  KeyFiles keys;
  std::unique_ptr<Store> store;
  Deployment deployment;
  std::unique_ptr<IssuerKeyFolder> issuer_keys;
  std::unique_ptr<IssuerKeyring> keyring;
};

/// Opens the data directory. At the first start it makes the keys, the platform's namespace, the first administrator's
/// token in `admin.token`, and the names that never change by themselves: issuer and ledger host. Throws
/// std::runtime_error with one sentence for the operator when something is there and something is missing: it never
/// starts over what was begun.
Opened open_data_dir(const Settings& settings, const Clock& clock, Random& random, const HighWater& marks,
                     const StartPatience& patience = {});

}  // namespace cadastre
