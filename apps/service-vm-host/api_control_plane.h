// The control plane over its HTTP API, every request proved with the device's key.
#pragma once

#include <atomic>
#include <chrono>
#include <mutex>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/time.h"
#include "crypto/ed25519.h"
#include "device_token.h"
#include "http/client.h"
#include "service/control_plane_port.h"

namespace cadastre {

/// Where the control plane is and whose node asks.
struct ControlPlaneAddress {
  std::string url;  ///< As the proofs name it (RFC 9449 section 4.2, `htu`); without a last slash.
  std::string ca_file;
  std::string node_id;
};

/// Keeps four connections, so that no call waits for another. A clock of the node that is wrong does not matter: when
/// a proof is refused as stale, the control plane's own time is taken from the answer.
class ApiControlPlane final : public ControlPlane {
 public:
  /// The URL must be one. The key, the token, the clock and the chance outlive it.
  ApiControlPlane(ControlPlaneAddress address, const PrivateKey& key, DeviceToken& token, const Clock& clock,
                  Random& random);

  /// Enters the device as a node (`POST /v1/nodes`); true when it was none before.
  Result<bool> enrol(const NodeFacts& facts);
  Result<void> heartbeat(const NodeFacts& facts, const std::vector<VmId>& guests) override;
  Result<NodeWishes> wishes(std::optional<std::int64_t> after, std::chrono::seconds wait) override;
  Result<std::vector<DisbelievedReport>> report(const std::vector<GuestReport>& reports) override;
  Result<void> show_console(const VmId& vm, const std::string& bytes) override;
  Result<bool> renew_if_due() override;
  void interrupt() override;

 private:
  /// A connection for one kind of call.
  struct Line {
    explicit Line(const ControlPlaneAddress& address);
    std::mutex mutex;
    http::Client client;
  };

  Instant now() const;
  bool learn_time(const http::Reply& reply);
  http::Reply send_once(Line& line, const http::ClientRequest& request, const std::string& token);
  /// Any answer of the API's. An answer of 401 is asked for once more, with a fresh proof, the token as it is by then,
  /// and the time of the answer.
  http::Reply send(Line& line, const http::ClientRequest& request);
  Result<http::Reply> call(Line& line, const http::ClientRequest& request);
  std::string node_path(const char* last) const;

  const ControlPlaneAddress address_;
  const PrivateKey& key_;
  DeviceToken& token_;
  const Clock& clock_;
  Random& random_;
  std::atomic<std::chrono::milliseconds> time_ahead_{std::chrono::milliseconds(0)};  ///< Of the control plane's clock.
  Line heartbeats_;
  Line wishes_;
  Line reports_;
  Line consoles_;
};

}  // namespace cadastre
