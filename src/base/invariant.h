// The last line of defence: stop before a wrong ledger is written.
#pragma once

#include <cstdio>
#include <cstdlib>

/// Stops the process, in every build, when something that only we can have broken is broken.
#define CHECK_INVARIANT(condition)                                                           \
  do {                                                                                       \
    if (!(condition)) {                                                                      \
      std::fprintf(stderr, "%s:%d: broken invariant: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                          \
    }                                                                                        \
  } while (false)
