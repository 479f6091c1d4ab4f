#include "enrol.h"

#include <fmt/format.h>

#include <fstream>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <string>

#include "answers.h"
#include "api_control_plane.h"
#include "base/json.h"
#include "base/random.h"
#include "base/secret_file.h"
#include "host_state.h"
#include "http/client.h"
#include "machine_facts.h"
#include "token/enrolment.h"
#include "token/jws.h"
#include "token/key_text.h"

namespace cadastre {
namespace {

constexpr int exit_refused = 1;
constexpr int exit_waits = 4;
constexpr unsigned waits_for_approval = 202;

/// The control plane said no; `what` is its sentence.
class Refused : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// What a proof answers, and the text it was read from.
struct DeviceChallenge {
  std::string tenant;
  std::string device;
  std::string audience;
  Bytes<32> nonce{};
};

std::string read_file(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error(fmt::format("cannot read {}", path));
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string read_token(const std::string& path) {
  const auto text = read_secret_file(path);
  if (!text) throw std::runtime_error(fmt::format("cannot read {}", path));
  const std::size_t end = text->find_last_not_of(" \t\r\n");
  return end == std::string::npos ? "" : text->substr(0, end + 1);
}

/// A challenge as the API gives it, alone or beside the device that waits.
DeviceChallenge challenge_of(const json::Value& document) {
  const json::Value* const inner = document.find("challenge");
  const json::Value& record = inner != nullptr ? *inner : document;
  const auto nonce = decode_digest(text_of(record, "nonce"));
  if (!nonce) throw std::runtime_error("the challenge's nonce is none");
  return {.tenant = text_of(record, "tenant_id"),
          .device = text_of(record, "device_id"),
          .audience = text_of(record, "audience"),
          .nonce = *nonce};
}

/// Enrols step by step; each throws Refused.
class Enroller {
 public:
  explicit Enroller(const Settings& settings)
      : settings_(settings), state_(settings.state_dir), key_((state_.make_folder(), state_.key(random_))) {}

  const PrivateKey& key() const { return key_; }
  const HostState& state() const { return state_; }

  /// The challenge of the file, or one that is drawn with the administrator's token.
  DeviceChallenge challenge() {
    if (settings_.challenge.empty()) return drawn_challenge();
    const auto document = json::parse(read_file(settings_.challenge), 4).value;
    if (!document) throw std::runtime_error(fmt::format("{} holds no challenge", settings_.challenge));
    DeviceChallenge challenge = challenge_of(*document);
    if (challenge.tenant != settings_.tenant || challenge.device != settings_.node_id)
      throw std::runtime_error(fmt::format("{} challenges {} of {}, not this node", settings_.challenge,
                                           challenge.device, challenge.tenant));
    return challenge;
  }

  /// Proves the key; false when an administrator must approve of it first.
  bool collect_token(const DeviceChallenge& challenge) {
    Bytes<16> id;
    random_.fill(id);
    const EnrolmentTarget target{.key = key_.public_key(),
                                 .audience = challenge.audience,
                                 .tenant = challenge.tenant,
                                 .device = challenge.device};
    std::string body;
    json::Object(body)
        .field("proof", make_enrolment_proof(target, challenge.nonce, key_, id, s_since_epoch(clock_.now())))
        .end();
    const auto reply = send("", fmt::format("/v1/tenants/{}/devices", settings_.tenant), body);
    if (reply.status == waits_for_approval) {
      write_secret_file(state_.challenge_file(), reply.body + "\n");
      return false;
    }
    write_secret_file(state_.token_file(), text_of(object_of(reply), "token") + "\n");
    state_.keep({.controller = settings_.controller, .tenant = settings_.tenant, .node_id = settings_.node_id});
    return true;
  }

  /// Enters the device as a node; true when it was none.
  bool register_node() {
    DeviceToken token(state_.token_file());
    ApiControlPlane control_plane(
        {.url = settings_.controller, .ca_file = settings_.ca_file, .node_id = settings_.node_id}, key_, token, clock_,
        random_);
    const auto is_new = control_plane.enrol(first_facts(settings_));
    if (!is_new) throw Refused(is_new.error().detail);
    return *is_new;
  }

 private:
  DeviceChallenge drawn_challenge() {
    std::string body;
    json::Object(body)
        .field("device_id", settings_.node_id)
        .field("subject_pubkey", encode_base64url(key_.public_key()))
        .field("scope", "service:vm-host")
        .end();
    return challenge_of(object_of(send(read_token(settings_.token_file),
                                       fmt::format("/v1/tenants/{}/devices/challenges", settings_.tenant), body)));
  }

  http::Reply send(const std::string& token, const std::string& path, const std::string& body) {
    http::Client client(http::ServerUrl::parse(settings_.controller).value(), token, settings_.ca_file);
    http::Reply reply = client.send({.method = "POST", .path = path, .body = body});
    if (reply.status >= 400) throw Refused(problem_sentence(reply));
    return reply;
  }

  const Settings& settings_;
  const SystemClock clock_;
  SystemRandom random_;
  const HostState state_;
  const PrivateKey key_;
};

void print_key(const PrivateKey& key) {
  fmt::print("{}\n", encode_openssh_key(key.public_key()));
  std::fflush(stdout);
  fmt::print(stderr, "{}\n", fingerprint_of(key.public_key()));
}

int enrol(const Settings& settings) {
  Enroller enroller(settings);
  const bool is_ordered = !settings.token_file.empty() || !settings.challenge.empty();
  if (!is_ordered && !enroller.state().has_token()) {
    fmt::print(stderr,
               "service-vm-host: say with --token-file who lets this machine in, or with --challenge what an "
               "administrator drew for its key {}\n",
               fingerprint_of(enroller.key().public_key()));
    return 2;
  }
  if (is_ordered && !enroller.collect_token(enroller.challenge())) {
    fmt::print("The key {} waits to be approved of. When it was, repeat with --challenge {}\n",
               fingerprint_of(enroller.key().public_key()), enroller.state().challenge_file());
    return exit_waits;
  }
  const bool is_new = enroller.register_node();
  fmt::print("{} is {} node of {} at {}. Its key is {}\n", settings.node_id, is_new ? "now a" : "a", settings.tenant,
             settings.controller, fingerprint_of(enroller.key().public_key()));
  return 0;
}

}  // namespace

int run_enrol(const Settings& settings) {
  try {
    return enrol(settings);
  } catch (const Refused& refusal) {
    fmt::print(stderr, "service-vm-host: the control plane refuses: {}\n", refusal.what());
    return exit_refused;
  }
}

int run_print_pubkey(const Settings& settings) {
  const auto key = HostState(settings.state_dir).find_key();
  if (!key) {
    fmt::print(stderr, "service-vm-host: there is no key in {} yet: --generate-keypair or enrol makes one\n",
               settings.state_dir);
    return exit_refused;
  }
  print_key(*key);
  return 0;
}

int run_generate_keypair(const Settings& settings) {
  const HostState state(settings.state_dir);
  if (state.find_key()) {
    fmt::print(stderr, "service-vm-host: there is a key in {} already: another would make it another machine\n",
               settings.state_dir);
    return exit_refused;
  }
  state.make_folder();
  SystemRandom random;
  print_key(state.key(random));
  return 0;
}

}  // namespace cadastre
