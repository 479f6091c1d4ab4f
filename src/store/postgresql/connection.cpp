#include "store/postgresql/connection.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "store/postgresql/address.h"

namespace cadastre::postgresql {
namespace {

constexpr std::chrono::milliseconds lock_patience{4'000};  // for a row that another transaction holds
constexpr std::chrono::milliseconds set_up_patience{2'000};
constexpr std::chrono::milliseconds leaving_patience{500};
constexpr std::chrono::milliseconds look_every{100};         // whether others have given up
constexpr std::chrono::milliseconds alone_for_least{1'000};  // before what others say counts

/// What the connection string may override: a server that does not answer is given up, one that is gone is noticed, and
/// of several hosts it is the one that can be written to.
constexpr std::array defaults = {std::pair{"application_name", "cadastre"},
                                 std::pair{"connect_timeout", "2"},
                                 std::pair{"keepalives_idle", "5"},
                                 std::pair{"keepalives_interval", "2"},
                                 std::pair{"keepalives_count", "3"},
                                 std::pair{"tcp_user_timeout", "8000"},
                                 std::pair{"target_session_attrs", "read-write"}};

PGconn* connect(const std::string& url) {
  std::vector<const char*> names;
  std::vector<const char*> values;
  for (const auto& [name, value] : defaults) names.push_back(name), values.push_back(value);
  names.insert(names.end(), {"dbname", "client_encoding", nullptr});
  values.insert(values.end(), {url.c_str(), "UTF8", nullptr});
  return PQconnectdbParams(names.data(), values.data(), 1);
}

std::string first_line(std::string_view text) { return std::string(text.substr(0, text.find('\n'))); }

/// The first line of what libpq says, without the connection string and anything that could be a secret in it.
std::string sentence_of(std::string_view said, const std::string& url) {
  std::string text = first_line(said);
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

Connection::Connection(const std::string& url, const Patience& patience, Reachability* reachability,
                       Reachability::Asker asker)
    : patience_{set_up_patience, set_up_patience}, reachability_(reachability), asker_(asker) {
  expect_well_formed(url);
  handle_.reset(connect(url));
  if (!is_open()) {
    throw Failure(Trouble::connection,
                  "the database cannot be reached: " + sentence_of(PQerrorMessage(handle_.get()), url));
  }
  PQsetNoticeProcessor(handle_.get(), [](void*, const char*) {}, nullptr);
  PQsetnonblocking(handle_.get(), 1);
  prepared_.resize(statements().size());
  set_up();
  patience_ = patience;
}

/// Every question goes by a key: a plan made while a table was small must not outlive that by scanning it.
void Connection::set_up() {
  const char* const standby = PQparameterStatus(handle_.get(), "in_hot_standby");
  if (standby != nullptr && std::string_view(standby) == "on")
    throw Failure(Trouble::connection, "the database is a standby: it answers, but from the past, and keeps nothing");
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
  if (primary != nullptr) throw Failure(trouble, fmt::format("PostgreSQL, {}: {} ({})", doing, primary, sqlstate));
  throw Failure(trouble, fmt::format("PostgreSQL, {}: the connection was lost: {}", doing,
                                     first_line(PQerrorMessage(handle_.get()))));
}

Rows Connection::checked(Rows rows, const char* doing) {
  if (rows.status() != PGRES_TUPLES_OK && rows.status() != PGRES_COMMAND_OK) throw_failure(rows.result(), doing);
  return rows;
}

void Connection::begin_statement() {
  limit_ = PQtransactionStatus(handle_.get()) == PQTRANS_IDLE ? patience_.question : patience_.in_transaction;
}

Rows Connection::result_of(int queued, const char* doing) {
  if (queued != 1) throw_failure(nullptr, doing);
  for (Rows last = next_result(doing);;) {
    if (last.status() == PGRES_COPY_IN || last.status() == PGRES_COPY_OUT) return last;
    Rows next = next_result(doing);
    if (!next) return last;
    if (last.status() != PGRES_FATAL_ERROR) last = std::move(next);
  }
}

Rows Connection::next_result(const char* doing) {
  if (!has_come(Until::answered)) give_up(doing);
  Rows rows(PQgetResult(handle_.get()));
  if (reachability_ != nullptr && reachability_->is_silent() && is_open()) reachability_->note_success();
  return rows;
}

/// A connection that breaks ends the wait: libpq's next result tells of it.
bool Connection::has_come(Until until) {
  PGconn* const handle = handle_.get();
  for (const Tick began = clock_.tick();;) {
    const int unsent = PQflush(handle);
    if (unsent < 0 || (until == Until::sent ? unsent == 0 : PQisBusy(handle) == 0)) return true;
    const auto events = static_cast<short>(unsent == 0 ? POLLIN : POLLIN | POLLOUT);
    pollfd socket{PQsocket(handle), events, 0};
    const int ready = ::poll(&socket, 1, static_cast<int>(std::min(limit_, look_every).count()));
    if (ready > 0 && PQconsumeInput(handle) == 0) return true;
    if (ready <= 0 && is_over(began)) return false;
  }
}

bool Connection::is_over(Tick began) const {
  const std::chrono::milliseconds waited = clock_.tick() - began;
  return waited >= limit_ ||
         (waited >= alone_for_least && reachability_ != nullptr && reachability_->is_given_up(asker_));
}

void Connection::give_up(const char* doing) {
  handle_.reset();
  const std::string sentence = fmt::format("PostgreSQL, {}: no answer in time", doing);
  if (reachability_ != nullptr) reachability_->note_silence(asker_, sentence);
  throw Failure(Trouble::connection, sentence);
}

const char* Connection::prepared(Sql id) {
  const Statement& wanted = statement(id);
  const auto place = static_cast<std::size_t>(id);
  if (!prepared_[place]) {
    begin_statement();
    const int queued = PQsendPrepare(handle_.get(), wanted.name, wanted.text, 0, nullptr);
    checked(result_of(queued, wanted.name), wanted.name);
    prepared_[place] = true;
  }
  return wanted.name;
}

Rows Connection::run_with(Sql id, const Values& values) {
  const char* const name = prepared(id);
  begin_statement();
  const int queued =
      PQsendQueryPrepared(handle_.get(), name, values.count(), values.data(), values.lengths(), values.formats(), 1);
  return checked(result_of(queued, name), name);
}

Rows Connection::ask(const std::string& sql, const char* doing) {
  begin_statement();
  return result_of(PQsendQuery(handle_.get(), sql.c_str()), doing);
}

void Connection::execute(const std::string& sql) { checked(ask(sql, "executing"), "executing"); }

std::vector<std::string> Connection::lines(const std::string& sql) {
  std::vector<std::string> all;
  for (Rows rows = checked(ask(sql, "asking"), "asking"); rows.next();) all.push_back(rows.text(0));
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

/// What was sent and not waited for is of no interest any more: a failure is already on its way up.
void Connection::leave_pipeline() {
  limit_ = leaving_patience;
  PQpipelineSync(handle_.get());
  for (bool is_end = false; is_open() && !is_end;) {
    if (!has_come(Until::answered)) return handle_.reset();
    is_end = Rows(PQgetResult(handle_.get())).status() == PGRES_PIPELINE_SYNC;
  }
  PQexitPipelineMode(handle_.get());
}

Pipeline::~Pipeline() {
  if (is_open_ && connection_.is_open()) connection_.leave_pipeline();
}

bool Pipeline::is_prepared(Sql id) const {
  const auto prepares = [id](const Sent& one) { return one.is_preparation && one.id == id; };
  return connection_.prepared_[static_cast<std::size_t>(id)] || std::ranges::any_of(sent_, prepares);
}

void Pipeline::send_with(Sql id, const Values& values) {
  PGconn* const handle = connection_.handle_.get();
  const Statement& wanted = statement(id);
  if (!is_open_) connection_.begin_statement();
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
  if (PQpipelineSync(connection_.handle_.get()) != 1) connection_.throw_failure(nullptr, "sending");
  Rows first_failure(nullptr);
  const char* failed = nullptr;
  for (const Sent& one : sent_) {
    const char* const name = statement(one.id).name;
    Rows rows = connection_.next_result(name);
    if (!rows) connection_.throw_failure(nullptr, name);
    while (connection_.next_result(name)) continue;
    if (rows.status() != PGRES_TUPLES_OK && rows.status() != PGRES_COMMAND_OK) {
      if (!first_failure) first_failure = std::move(rows), failed = name;
    } else if (one.is_preparation) {
      connection_.prepared_[static_cast<std::size_t>(one.id)] = true;
    } else {
      all.push_back(std::move(rows));
    }
  }
  connection_.next_result("the end");
  is_open_ = false;
  PQexitPipelineMode(connection_.handle_.get());
  if (first_failure) connection_.throw_failure(first_failure.result(), failed);
  return all;
}

}  // namespace cadastre::postgresql
