// What a node keeps over restarts: its key, its token, and whose it is.
#pragma once

#include <optional>
#include <string>

#include "base/random.h"
#include "crypto/ed25519.h"

namespace cadastre {

/// Where the node was enrolled.
struct Enrolment {
  std::string controller;
  std::string tenant;
  std::string node_id;
};

/// The files of the state directory. All are for their owner alone; all are replaced as a whole.
class HostState {
 public:
  explicit HostState(std::string folder) : folder_(std::move(folder)) {}

  /// Makes the folder if it is not there; others may pass through it, since the hypervisor's guests lie below it.
  void make_folder() const;
  std::string token_file() const { return folder_ + "/agent.token"; }
  std::string journal_file() const { return folder_ + "/journal.json"; }
  std::string challenge_file() const { return folder_ + "/challenge.json"; }
  std::string guests_folder() const { return folder_ + "/guests"; }
  std::string image_cache_folder() const { return folder_ + "/image-cache"; }
  std::string images_folder() const { return folder_ + "/images"; }

  /// Nothing when there is none. Throws std::runtime_error naming a file that is damaged.
  std::optional<PrivateKey> find_key() const;
  /// The key; drawn when there is none.
  PrivateKey key(Random& random) const;
  std::optional<Enrolment> find_enrolment() const;
  void keep(const Enrolment& enrolment) const;
  bool has_token() const;

 private:
  std::string key_file() const { return folder_ + "/agent.key"; }
  std::string enrolment_file() const { return folder_ + "/enrolment.json"; }
  const std::string folder_;
};

}  // namespace cadastre
