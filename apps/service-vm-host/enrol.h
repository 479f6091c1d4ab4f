// Entering a machine as a node of a tenant: an administrator's challenge, the proof of the node's key, its token, and
// the node itself.
#pragma once

#include "settings.h"

namespace cadastre {

/// Prints what it did, and answers the exit code: 0 when the node is enrolled, 1 when the control plane refused, 4 when
/// an administrator must approve of the key first. May be repeated after any interruption. Throws std::runtime_error
/// for files and a control plane that cannot be used.
int run_enrol(const Settings& settings);

/// Prints the node's public key, and its fingerprint on standard error. Answers 1 when there is no key.
int run_print_pubkey(const Settings& settings);
/// Makes a key pair and prints the same. Answers 1, and changes nothing, when there is one.
int run_generate_keypair(const Settings& settings);

}  // namespace cadastre
