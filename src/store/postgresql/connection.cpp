#include "store/postgresql/connection.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "store/postgresql/address.h"

namespace cadastre::postgresql {
namespace {

using Result = std::unique_ptr<PGresult, decltype(&PQclear)>;

constexpr std::chrono::milliseconds lock_patience{4'000};  // for a row that another transaction holds
constexpr std::chrono::milliseconds statement_patience{30'000};

/// What the connection string may override: a server that does not answer is given up, one that is gone is noticed.
constexpr std::array defaults = {std::pair{"application_name", "cadastre"}, std::pair{"connect_timeout", "3"},
                                 std::pair{"keepalives_idle", "5"},         std::pair{"keepalives_interval", "2"},
                                 std::pair{"keepalives_count", "3"},        std::pair{"tcp_user_timeout", "8000"}};

PGconn* connect(const std::string& url) {
  std::vector<const char*> names;
  std::vector<const char*> values;
  for (const auto& [name, value] : defaults) names.push_back(name), values.push_back(value);
  names.insert(names.end(), {"dbname", "client_encoding", nullptr});
  values.insert(values.end(), {url.c_str(), "UTF8", nullptr});
  return PQconnectdbParams(names.data(), values.data(), 1);
}

/// The first line of what libpq says, without the connection string and anything that could be a secret in it.
std::string sentence_of(std::string text, const std::string& url) {
  text = text.substr(0, text.find('\n'));
  for (const std::string_view secret : secrets_in(url)) {
    for (std::size_t at = text.find(secret); at != std::string::npos; at = text.find(secret)) {
      text.replace(at, secret.size(), "***");
    }
  }
  return text;
}

/// A malformed connection string is not repeated: libpq's sentence about it holds parts of it.
void expect_well_formed(const std::string& url) {
  char* fault = nullptr;
  PQconninfoOption* const options = PQconninfoParse(url.c_str(), &fault);
  if (fault != nullptr) PQfreemem(fault);
  if (options == nullptr) throw StoreFailure("the store's connection string is malformed: " + without_secrets(url));
  PQconninfoFree(options);
}

}  // namespace

Connection::Connection(const std::string& url) {
  expect_well_formed(url);
  handle_.reset(connect(url));
  if (!is_open()) {
    throw Failure(Trouble::connection,
                  "the database cannot be reached: " + sentence_of(PQerrorMessage(handle_.get()), url));
  }
  PQsetNoticeProcessor(handle_.get(), [](void*, const char*) {}, nullptr);
  prepared_.resize(statements().size());
  set_up();
}

/// Every question goes by a key: a plan made while a table was small must not outlive that by scanning it.
void Connection::set_up() {
  const std::string fsync = text("SHOW fsync");
  if (fsync != "on") throw StoreFailure("the database has fsync off: what it calls durable can be lost");
  if (text("SHOW server_encoding") != "UTF8") throw StoreFailure("the database's encoding must be UTF8");
  execute(
      fmt::format("SET synchronous_commit = on; SET enable_seqscan = off; SET enable_hashjoin = off; "
                  "SET enable_mergejoin = off; SET plan_cache_mode = force_generic_plan; SET jit = off; "
                  "SET lock_timeout = {}; SET statement_timeout = {}; SET idle_in_transaction_session_timeout = {}; "
                  "SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 2; SET tcp_keepalives_count = 3; "
                  "SET tcp_user_timeout = 8000",
                  lock_patience.count(), statement_patience.count(), idle_patience.count()));
}

void Connection::throw_failure(const PGresult* result, const char* doing) {
  const char* const field = result == nullptr ? nullptr : PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const std::string_view sqlstate = field == nullptr ? "" : field;
  const char* const primary = result == nullptr ? nullptr : PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  const Trouble trouble = is_open() ? trouble_of(sqlstate) : Trouble::connection;
  throw Failure(trouble, fmt::format("PostgreSQL, {}: {} ({})", doing,
                                     primary == nullptr ? "the connection was lost" : primary, sqlstate));
}

Rows Connection::checked(PGresult* result, const char* doing) {
  Rows rows(result);
  const ExecStatusType status = PQresultStatus(result);
  if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) throw_failure(result, doing);
  return rows;
}

const char* Connection::prepared(Sql id) {
  const Statement& wanted = statement(id);
  const auto place = static_cast<std::size_t>(id);
  if (!prepared_[place]) {
    checked(PQprepare(handle_.get(), wanted.name, wanted.text, 0, nullptr), wanted.name);
    prepared_[place] = true;
  }
  return wanted.name;
}

Rows Connection::run_with(Sql id, const Values& values) {
  const char* const name = prepared(id);
  return checked(
      PQexecPrepared(handle_.get(), name, values.count(), values.data(), values.lengths(), values.formats(), 1), name);
}

void Connection::execute(const std::string& sql) { checked(PQexec(handle_.get(), sql.c_str()), "executing"); }

std::vector<std::string> Connection::lines(const std::string& sql) {
  std::vector<std::string> all;
  for (Rows rows = checked(PQexec(handle_.get(), sql.c_str()), "asking"); rows.next();) all.push_back(rows.text(0));
  return all;
}

std::string Connection::text(const std::string& sql) {
  const auto all = lines(sql);
  return all.empty() ? std::string() : all.front();
}

void Connection::wait_for_news(std::chrono::milliseconds time_limit, int wake) {
  std::array<pollfd, 2> descriptors = {{{PQsocket(handle_.get()), POLLIN, 0}, {wake, POLLIN, 0}}};
  ::poll(descriptors.data(), descriptors.size(), static_cast<int>(time_limit.count()));
  if (PQconsumeInput(handle_.get()) == 0) throw_failure(nullptr, "listening");
  while (PGnotify* const news = PQnotifies(handle_.get())) PQfreemem(news);
}

Pipeline::~Pipeline() {
  if (!is_open_) return;
  PGconn* const handle = connection_.handle_.get();
  // What was sent and not waited for: a failure is already on its way up.
  PQpipelineSync(handle);
  while (connection_.is_open()) {
    const Result result(PQgetResult(handle), &PQclear);
    if (result && PQresultStatus(result.get()) == PGRES_PIPELINE_SYNC) break;
  }
  PQexitPipelineMode(handle);
}

bool Pipeline::is_prepared(Sql id) const {
  const auto prepares = [id](const Sent& one) { return one.is_preparation && one.id == id; };
  return connection_.prepared_[static_cast<std::size_t>(id)] || std::ranges::any_of(sent_, prepares);
}

void Pipeline::send_with(Sql id, const Values& values) {
  PGconn* const handle = connection_.handle_.get();
  const Statement& wanted = statement(id);
  if (!is_open_ && PQenterPipelineMode(handle) != 1) connection_.throw_failure(nullptr, wanted.name);
  is_open_ = true;
  if (!is_prepared(id)) {
    if (PQsendPrepare(handle, wanted.name, wanted.text, 0, nullptr) != 1)
      connection_.throw_failure(nullptr, wanted.name);
    sent_.push_back({id, true});
  }
  if (PQsendQueryPrepared(handle, wanted.name, values.count(), values.data(), values.lengths(), values.formats(), 1) !=
      1) {
    connection_.throw_failure(nullptr, wanted.name);
  }
  sent_.push_back({id, false});
}

std::vector<Rows> Pipeline::finish() {
  std::vector<Rows> all;
  if (!is_open_) return all;
  PGconn* const handle = connection_.handle_.get();
  if (PQpipelineSync(handle) != 1) connection_.throw_failure(nullptr, "sending");
  Result first_failure(nullptr, &PQclear);
  const char* failed = nullptr;
  for (const Sent& one : sent_) {
    Result result(PQgetResult(handle), &PQclear);
    if (!result) connection_.throw_failure(nullptr, statement(one.id).name);
    const ExecStatusType status = PQresultStatus(result.get());
    while (const Result rest{PQgetResult(handle), &PQclear}) continue;
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
      if (first_failure == nullptr) first_failure = std::move(result), failed = statement(one.id).name;
    } else if (one.is_preparation) {
      connection_.prepared_[static_cast<std::size_t>(one.id)] = true;
    } else {
      all.emplace_back(result.release());
    }
  }
  const Result sync(PQgetResult(handle), &PQclear);
  is_open_ = false;
  PQexitPipelineMode(handle);
  if (first_failure) connection_.throw_failure(first_failure.get(), failed);
  return all;
}

}  // namespace cadastre::postgresql
