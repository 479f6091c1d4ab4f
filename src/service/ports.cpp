#include "service/ports.h"

#include <future>

namespace cadastre::detail {

void run_and_wait(Store& store, const TenantId& tenant, std::function<Verdict(Tx&)> body) {
  std::promise<void> finished;
  const bool queued =
      store.submit({.tenant = tenant, .body = std::move(body), .done = [&finished](std::exception_ptr failure) {
                      if (failure)
                        finished.set_exception(failure);
                      else
                        finished.set_value();
                    }});
  if (!queued) throw StoreFailure("the store takes no changes now: it is stopping, or too many wait for this tenant");
  finished.get_future().get();
}

}  // namespace cadastre::detail
