// `cadastre self-test`: the steps of the guide "Configure a tenant namespace" against a live server, in a tenant of its
// own that is deleted afterwards.
#include <fmt/format.h>

#include <chrono>
#include <stdexcept>
#include <utility>

#include "api.h"
#include "body.h"
#include "ledger/tlog_proof.h"
#include "verb.h"

namespace cadastre {
namespace {

constexpr std::int64_t vms_max = 10;
constexpr std::int64_t disk_gb = 1;
constexpr auto patience = std::chrono::seconds(30);
constexpr auto pause = std::chrono::milliseconds(100);

/// What a step found wrong.
class Unexpected : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

void expect(bool holds, const std::string& what) {
  if (!holds) throw Unexpected(what);
}

std::string text_of(const json::Value& object, std::string_view name) {
  const json::Value* const value = object.find(name);
  expect(value != nullptr && !value->text.empty(), fmt::format("the answer has no {}", name));
  return value->text;
}

/// One run: a scratch tenant, its administrator, and the steps in order.
class SelfTest {
 public:
  explicit SelfTest(Program& program)
      : program_(program),
        settings_(settings_of(program.options)),
        operator_(program, settings_, credential_of(settings_)) {
    Bytes<5> tail;
    program.random.fill(tail);
    tenant_ = "self-test-" + encode_hex(tail);
  }

  ExitCode run() {
    step("register a tenant", &SelfTest::register_tenant);
    step("issue its root token", &SelfTest::issue_token);
    step("see only its own VMs", &SelfTest::list_vms);
    step("know no other tenant", &SelfTest::ask_for_another);
    step("take VMs up to the quota", &SelfTest::fill_quota);
    step("be refused beyond the quota", &SelfTest::pass_quota);
    step("read what is used", &SelfTest::read_status);
    step("read the registration from the ledger", &SelfTest::read_ledger);
    step("prove that entry under the signed checkpoint", &SelfTest::prove_entry);
    if (is_registered_) step("delete the VMs and the tenant", &SelfTest::clean_up);
    print();
    return failed_ == 0 ? ExitCode::ok : ExitCode::refused;
  }

 private:
  /// A step after one that it needs is not run, and fails.
  void step(const char* name, void (SelfTest::*body)()) {
    std::string fault;
    try {
      (this->*body)();
    } catch (const Unexpected& wrong) {
      fault = wrong.what();
    } catch (const Failure& refused) {
      fault = refused.what();
    } catch (const http::ClientFailure& silent) {
      fault = silent.what();
    }
    failed_ += fault.empty() ? 0 : 1;
    steps_.push_back({name, fault});
    if (program_.options.format() == OutputFormat::table) {
      fmt::print("{}  {}{}{}\n", fault.empty() ? "pass" : "FAIL", name, fault.empty() ? "" : ": ", fault);
    }
  }

  void register_tenant() {
    const std::string body = Body()
                                 .add("tenant_id", tenant_)
                                 .add("display_name", "Self-test")
                                 .add("max_vms", vms_max)
                                 .add("storage_quota_gb", 100)
                                 .add("api_rate_limit_rpm", 600)
                                 .text();
    const http::Reply reply = operator_.call("POST", "/v1/tenants", body);
    expect(reply.status == 201, fmt::format("the server answers {}, not 201", reply.status));
    is_registered_ = true;
    const json::Value record = parse_document(reply.body, "the tenant's record");
    created_by_ = text_of(record, "created_by");
    const json::Value* const ledger = record.find("ledger");
    expect(ledger != nullptr, "the record names no ledger");
    vkey_ = text_of(*ledger, "vkey");
  }

  void issue_token() {
    expect(is_registered_, "there is no tenant");
    const PrivateKey key = PrivateKey::draw(program_.random);
    const std::string body = Body()
                                 .add("subject_pubkey", encode_base64url(key.public_key()))
                                 .add("scope", "service:tenant-admin")
                                 .add("expires_in_seconds", 600)
                                 .text();
    const json::Value issued =
        parse_document(operator_.call("POST", path() + "/tokens", body).body, "the token's answer");
    holder_.emplace(program_, settings_, text_of(issued, "token"));
  }

  void list_vms() { expect(holder().list("/v1/vms", "vms", {}).empty(), "a new tenant has VMs"); }

  void ask_for_another() {
    for (const char* other : {"self-test-nobody", "self-test-somebody"}) {
      const http::Reply reply = holder().send("GET", fmt::format("/v1/tenants/{}", other));
      expect(reply.status == 403, fmt::format("asked for {}, the server answers {}, not 403", other, reply.status));
    }
  }

  http::Reply take_vm() {
    const std::string body =
        Body().add("vm_type", "VmSelfTest").add("ram_mb", 64).add("vcpu_count", 1).add("disk_gb", disk_gb).text();
    return holder().send("POST", "/v1/vms", body);
  }

  void fill_quota() {
    for (std::int64_t taken = 0; taken < vms_max; ++taken) {
      const http::Reply reply = take_vm();
      expect(reply.status == 201, fmt::format("VM {} of {}: {}", taken + 1, vms_max, problem_sentence(reply)));
    }
    is_full_ = true;
  }

  void pass_quota() {
    expect(is_full_, "the quota is not full");
    const http::Reply reply = take_vm();
    expect(reply.status == 429, fmt::format("the server answers {}, not 429", reply.status));
    const json::Value problem = parse_document(reply.body, "the refusal");
    expect(text_of(problem, "code") == "QUOTA_EXCEEDED", fmt::format("the code is {}", text_of(problem, "code")));
    expect(!reply.header("Retry-After"), "the refusal has a Retry-After, although waiting does not help");
  }

  void read_status() {
    const json::Value status = holder().get("/v1/status");
    expect(text_of(status, "tenant_id") == tenant_, "the status is another tenant's");
    expect(text_of(status, "vms") == std::to_string(vms_max),
           fmt::format("{} VMs are counted, not {}", text_of(status, "vms"), vms_max));
    expect(text_of(status, "storage_used_gb") == std::to_string(vms_max * disk_gb), "the disk is not counted exactly");
  }

  void read_ledger() {
    const auto entries = holder().list("/v1/ledger/entries?type=TENANT_CREATED", "entries", 1);
    expect(entries.size() == 1, "there is no TENANT_CREATED");
    expect(text_of(entries.front(), "seq") == "0", "it is not the first entry");
    const json::Value* const actor = entries.front().find("actor");
    expect(actor != nullptr && text_of(*actor, "token_id") == created_by_,
           "it names another token than the record does");
    entry_ = json::canonical(entries.front()).value_or("");
  }

  /// Waits until the entry is published, which happens shortly after the answer.
  void prove_entry() {
    expect(!entry_.empty(), "there is no entry");
    const auto key = ledger::VerifierKey::parse(vkey_);
    expect(key.has_value(), "the record's verifier key is none");
    http::Reply reply = holder().send("GET", "/v1/ledger/proof/0");
    for (const Tick start = program_.clock.tick(); reply.status == 404 && program_.clock.tick() - start < patience;) {
      rest_for(pause);
      reply = holder().send("GET", "/v1/ledger/proof/0");
    }
    expect(reply.status == 200, problem_sentence(reply));
    const auto proof = ledger::parse_proof(reply.body);
    expect(proof.has_value(), "the proof has another form");
    const auto checked = verify_proof(*proof, entry_, *key);
    expect(checked.has_value(), "the proof does not hold");
  }

  /// A VM that a machine still holds goes once that has let it go.
  void clean_up() {
    if (holder_) {
      for (const json::Value& vm : holder_->list("/v1/vms", "vms", {})) {
        holder_->call("DELETE", "/v1/vms/" + escaped(text_of(vm, "vm_id")));
      }
    }
    http::Reply reply = operator_.send("DELETE", path());
    for (const Tick start = program_.clock.tick(); reply.status == 409 && program_.clock.tick() - start < patience;) {
      rest_for(pause);
      reply = operator_.send("DELETE", path());
    }
    expect(reply.status == 204, fmt::format("tenant {} stays: {}", tenant_, problem_sentence(reply)));
  }

  void print() const {
    if (program_.options.format() == OutputFormat::table) {
      fmt::print("{} of {} steps as they should be, in tenant {}\n", steps_.size() - failed_, steps_.size(), tenant_);
      return;
    }
    std::string out;
    json::Object object(out);
    std::string& list = object.field("tenant_id", tenant_).field("passed", failed_ == 0).key("steps") += '[';
    for (const auto& [name, fault] : steps_) {
      if (&name != &steps_.front().first) list += ',';
      json::Object each(list);
      each.field("step", name).field("passed", fault.empty());
      if (!fault.empty()) each.field("fault", fault);
      each.end();
    }
    list += ']';
    object.end();
    fmt::print("{}\n", out);
  }

  std::string path() const { return "/v1/tenants/" + tenant_; }
  Api& holder() {
    expect(holder_.has_value(), "there is no token of the tenant");
    return *holder_;
  }

  Program& program_;
  Settings settings_;
  Api operator_;
  std::optional<Api> holder_;
  std::string tenant_;
  std::string created_by_;
  std::string vkey_;
  std::string entry_;
  bool is_registered_ = false;
  bool is_full_ = false;
  std::vector<std::pair<std::string, std::string>> steps_;  ///< Each with what went wrong, or nothing.
  std::size_t failed_ = 0;
};

ExitCode self_test(Program& program) { return SelfTest(program).run(); }

}  // namespace

void add_self_test_verb(CLI::App& app, Program& program) {
  add_verb(app, program, "self-test",
           "try the guide's steps in a tenant made for it, which needs an administrator's token; its id is used up",
           self_test);
}

}  // namespace cadastre
