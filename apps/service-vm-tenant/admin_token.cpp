#include "admin_token.h"

#include <fmt/format.h>

#include <filesystem>
#include <stdexcept>

#include "base/json.h"
#include "control_socket.h"
#include "first_start.h"
#include "service/tokens.h"
#include "store/files/high_water_file.h"

namespace cadastre {
std::string make_admin_token(Store& store, Services& services, const std::string& name, std::chrono::seconds lifetime) {
  auto issued =
      transact(store, TenantId::platform(), [&](Tx& tx) { return issue_admin_token(tx, services, name, lifetime); });
  if (!issued) throw std::runtime_error(issued.error().detail);
  return std::move(issued->text);
}

std::string answer_control_request(Store& store, Services& services, const std::string& request) {
  std::string answer;
  const auto parsed = json::parse(request, 2);
  const json::Value* const lifetime = parsed.value ? parsed.value->find("expires_in_s") : nullptr;
  if (lifetime == nullptr || !lifetime->integer()) {
    json::Object(answer).field("error", "the running server does not know this command").end();
    return answer;
  }
  try {
    const auto token = make_admin_token(store, services, text_member(*parsed.value, "name"),
                                        std::chrono::seconds(*lifetime->integer()));
    json::Object(answer).field("token", token).end();
  } catch (const std::runtime_error& error) {
    answer.clear();
    json::Object(answer).field("error", error.what()).end();
  }
  return answer;
}

int run_admin_token(const Settings& settings) {
  const std::filesystem::path data_dir = settings.data_dir;
  if (const auto fault = fault_of_keys(data_dir)) throw std::runtime_error(*fault);
  const auto lifetime = *parse_duration(settings.admin_expires_in);
  std::string request;
  json::Object(request).field("name", settings.admin_name).field("expires_in_s", std::int64_t{lifetime.count()}).end();
  if (const auto answer = ask_running_server(data_dir, request)) return print_control_answer(*answer, "token", "\n");
  const SystemClock clock;
  SystemRandom random;
  const HighWaterFile marks((data_dir / "high-water").string());
  const auto opened = open_data_dir(settings, clock, random, marks);
  const Keys keys{*opened.keyring, opened.keys.ledger_master_seed};
  Services services{clock, random, opened.deployment, keys};
  const auto token = make_admin_token(*opened.store, services, settings.admin_name, lifetime);
  opened.store->stop();
  fmt::print("{}\n", token);
  return 0;
}

}  // namespace cadastre
