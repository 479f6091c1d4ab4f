#include "store/postgresql/copy_stream.h"

#include <fmt/format.h>

namespace cadastre::postgresql {
namespace {

constexpr std::string_view signature("PGCOPY\n\377\r\n\0", 11);
constexpr std::size_t header_bytes = 19;  // the signature, the flags, the length of an extension that we do not send
constexpr std::size_t piece_bytes = 64UL * 1024;
constexpr const char* sending = "COPY FROM STDIN";
constexpr const char* receiving = "COPY TO STDOUT";

}  // namespace

CopyIn::CopyIn(Connection& connection, const std::string& table, const std::string& columns) : connection_(connection) {
  const std::string sql = fmt::format("COPY {} ({}) FROM STDIN (FORMAT binary)", table, columns);
  const Rows started = connection.ask(sql, sending);
  if (started.status() != PGRES_COPY_IN) connection.throw_failure(started.result(), sending);
  waiting_ = signature;
  waiting_.resize(header_bytes);
}

void CopyIn::add(std::string_view row) {
  waiting_ += row;
  if (waiting_.size() >= piece_bytes) send();
}

void CopyIn::send() {
  const int sent = PQputCopyData(connection_.handle_.get(), waiting_.data(), static_cast<int>(waiting_.size()));
  waiting_.clear();
  if (sent != 1) connection_.throw_failure(nullptr, sending);
  if (!connection_.has_come(Connection::Until::sent)) connection_.give_up(sending);
}

void CopyIn::finish() {
  waiting_ += "\377\377";
  send();
  const Rows done = connection_.result_of(PQputCopyEnd(connection_.handle_.get(), nullptr), sending);
  if (done.status() != PGRES_COMMAND_OK) connection_.throw_failure(done.result(), sending);
}

CopyOut::CopyOut(Connection& connection, const std::string& query) : connection_(connection) {
  const Rows started = connection.ask(fmt::format("COPY ({}) TO STDOUT (FORMAT binary)", query), receiving);
  if (started.status() != PGRES_COPY_OUT) connection.throw_failure(started.result(), receiving);
}

std::string_view CopyOut::next_piece() {
  PGconn* const handle = connection_.handle_.get();
  char* bytes = nullptr;
  const int length = PQgetCopyData(handle, &bytes, 0);
  piece_.reset(bytes);
  if (length < 0) {
    const Rows done(PQgetResult(handle));
    while (const Rows rest{PQgetResult(handle)}) continue;
    if (length != -1 || done.status() != PGRES_COMMAND_OK) connection_.throw_failure(done.result(), receiving);
    return {};
  }
  std::string_view piece(bytes, static_cast<std::size_t>(length));
  if (is_first_) {
    if (!piece.starts_with(signature) || piece.size() < header_bytes) {
      throw StoreFailure("PostgreSQL sent a stream of another form than it documents");
    }
    piece.remove_prefix(header_bytes);
    is_first_ = false;
    if (piece.empty()) return next_piece();
  }
  return piece;
}

}  // namespace cadastre::postgresql
