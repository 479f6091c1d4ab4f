#include "http/client.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <chrono>
#include <exception>
#include <optional>
#include <utility>

namespace cadastre::http {
namespace {

namespace net = boost::asio;
namespace beast = boost::beast;
using Request = beast::http::request<beast::http::string_body>;
using PlainStream = beast::tcp_stream;
using TlsStream = beast::ssl_stream<beast::tcp_stream>;

constexpr std::uint64_t body_bytes_max = 64ULL << 20U;
constexpr std::uint32_t header_bytes_max = 16U << 10U;
constexpr auto time_limit = std::chrono::seconds(30);

bool is_port(std::string_view text) {
  return !text.empty() && text.size() <= 5 && std::ranges::all_of(text, [](char c) { return '0' <= c && c <= '9'; });
}

/// Splits the host off an authority; the rest is empty or `:port`.
std::optional<std::string_view> take_host(std::string_view& authority) {
  const bool is_ipv6 = authority.starts_with('[');
  const std::size_t end = is_ipv6 ? authority.find(']') : std::min(authority.find(':'), authority.size());
  if (end == std::string_view::npos || end == 0) return std::nullopt;
  const std::string_view host = authority.substr(is_ipv6 ? 1 : 0, is_ipv6 ? end - 1 : end);
  authority.remove_prefix(end + (is_ipv6 ? 1 : 0));
  if (host.empty()) return std::nullopt;
  return host;
}

/// Trusts the system's authorities, or those of the file when one is named.
net::ssl::context client_context(const std::string& authorities_file) {
  net::ssl::context context(net::ssl::context::tls_client);
  boost::system::error_code fault;
  if (authorities_file.empty()) {
    context.set_default_verify_paths();
  } else if (context.load_verify_file(authorities_file, fault)) {
    throw ClientFailure(fmt::format("cannot read certificates from {}: {}", authorities_file, fault.message()));
  }
  context.set_verify_mode(net::ssl::verify_peer);
  return context;
}

bool same_name(std::string_view a, std::string_view b) {
  return beast::iequals({a.data(), a.size()}, {b.data(), b.size()});
}

}  // namespace

Result<ServerUrl> ServerUrl::parse(std::string_view text) {
  const auto refused = [](const char* rule) { return refuse(Code::invalid_field, "url", rule); };
  ServerUrl url;
  url.is_tls = text.starts_with("https://");
  if (!url.is_tls && !text.starts_with("http://")) return refused("must begin with http:// or https://");
  text.remove_prefix(url.is_tls ? 8 : 7);
  const auto visible = [](char c) { return '!' <= c && c <= '~' && c != '?' && c != '#' && c != '@'; };
  if (!std::ranges::all_of(text, visible)) return refused("must have no user, query, fragment or space");
  std::string_view authority = text.substr(0, text.find('/'));
  std::string_view prefix = text.substr(authority.size());
  while (prefix.ends_with('/')) prefix.remove_suffix(1);
  const auto host = take_host(authority);
  if (!host) return refused("must name a host");
  if (!authority.empty() && (!authority.starts_with(':') || !is_port(authority.substr(1)))) {
    return refused("must have a number as port");
  }
  url.host = *host;
  url.port = authority.empty() ? (url.is_tls ? "443" : "80") : authority.substr(1);
  url.prefix = prefix;
  return url;
}

std::string ServerUrl::authority() const {
  const std::string name = host.find(':') == std::string::npos ? host : fmt::format("[{}]", host);
  const bool is_usual = port == (is_tls ? "443" : "80");
  return is_usual ? name : fmt::format("{}:{}", name, port);
}

bool ClientRequest::is_repeatable() const {
  const auto is_key = [](const HeaderField& field) { return same_name(field.name, "Idempotency-Key"); };
  return method == "GET" || is_idempotent || std::ranges::any_of(headers, is_key);
}

std::optional<std::string_view> Reply::header(std::string_view name) const {
  const auto found =
      std::ranges::find_if(headers, [&](const HeaderField& field) { return same_name(field.name, name); });
  if (found == headers.end()) return std::nullopt;
  return found->value;
}

class Client::Connection {
 public:
  Connection(const ServerUrl& url, const std::string& authorities_file)
      : url_(url), context_(client_context(authorities_file)) {}

  bool is_open() const { return is_open_; }

  /// Makes one exchange ready; `finish` runs it.
  void begin(Request request) {
    request_ = std::move(request);
    failure_ = nullptr;
    is_done_ = false;
    io_.restart();
    net::co_spawn(io_, talk(), [this](std::exception_ptr thrown) {
      failure_ = std::move(thrown);
      is_done_ = true;
    });
  }

  /// Runs the exchange to its end. Throws what it threw, and `operation_aborted` when it was stopped.
  Reply finish() {
    io_.run();
    if (!is_done_) throw boost::system::system_error(net::error::operation_aborted);
    if (failure_) std::rethrow_exception(failure_);
    return std::move(reply_);
  }

  /// From another thread, after `begin`: `finish` returns at once.
  void stop() { io_.stop(); }

 private:
  net::awaitable<void> talk() {
    if (!is_open_) co_await open();
    if (tls_) {
      co_await ask(&*tls_);
    } else {
      co_await ask(&*plain_);
    }
  }

  net::awaitable<void> open() {
    net::ip::tcp::resolver resolver(io_);
    const auto addresses = co_await resolver.async_resolve(url_.host, url_.port, net::use_awaitable);
    PlainStream stream(io_);
    stream.expires_after(time_limit);
    co_await stream.async_connect(addresses, net::use_awaitable);
    if (url_.is_tls) {
      tls_.emplace(std::move(stream), context_);
      tls_->set_verify_callback(net::ssl::host_name_verification(url_.host));
      SSL_set_tlsext_host_name(tls_->native_handle(), url_.host.c_str());
      co_await tls_->async_handshake(net::ssl::stream_base::client, net::use_awaitable);
    } else {
      plain_.emplace(std::move(stream));
    }
    is_open_ = true;
  }

  template <class Stream>
  net::awaitable<void> ask(Stream* stream) {
    beast::get_lowest_layer(*stream).expires_after(time_limit);
    co_await beast::http::async_write(*stream, request_, net::use_awaitable);
    beast::http::response_parser<beast::http::string_body> parser;
    parser.body_limit(body_bytes_max);
    parser.header_limit(header_bytes_max);
    co_await beast::http::async_read(*stream, buffer_, parser, net::use_awaitable);
    is_open_ = parser.keep_alive();
    reply_ = {parser.get().result_int(), std::move(parser.get().body()), {}};
    for (const auto& field : parser.get()) reply_.headers.push_back({field.name_string(), field.value()});
  }

  const ServerUrl& url_;
  net::io_context io_{1};
  net::ssl::context context_;
  std::optional<PlainStream> plain_;
  std::optional<TlsStream> tls_;
  beast::flat_buffer buffer_;
  Request request_;
  Reply reply_;
  std::exception_ptr failure_;
  bool is_done_ = false;
  bool is_open_ = false;
};

Client::Client(ServerUrl url, std::string token, std::string authorities_file)
    : url_(std::move(url)),
      token_(std::move(token)),
      authorities_file_(std::move(authorities_file)),
      connection_(std::make_unique<Connection>(url_, authorities_file_)) {}

Client::~Client() = default;

void Client::interrupt() {
  const std::scoped_lock lock(mutex_);
  is_interrupted_ = true;
  connection_->stop();
}

void Client::forget_connection() {
  auto fresh = std::make_unique<Connection>(url_, authorities_file_);
  const std::scoped_lock lock(mutex_);
  connection_.swap(fresh);
}

Reply Client::send(const ClientRequest& query) {
  Request request(beast::http::string_to_verb(query.method), url_.prefix + query.path, 11);
  request.set(beast::http::field::host, url_.authority());
  request.set(beast::http::field::user_agent, "cadastre");
  if (!token_.empty()) request.set(beast::http::field::authorization, "Bearer " + token_);
  if (!query.body.empty()) request.set(beast::http::field::content_type, "application/json");
  for (const HeaderField& field : query.headers) request.set(field.name, field.value);
  request.body() = query.body;
  if (query.method != "GET") request.prepare_payload();
  // A server may have closed a connection that stood idle: that is seen only now, and tried once more.
  for (bool may_repeat = connection_->is_open() && query.is_repeatable();; may_repeat = false) {
    try {
      {
        const std::scoped_lock lock(mutex_);
        if (is_interrupted_) throw ClientFailure(fmt::format("{}: interrupted", url_.authority()));
        if (!connection_->is_open()) connection_ = std::make_unique<Connection>(url_, authorities_file_);
        connection_->begin(request);
      }
      return connection_->finish();
    } catch (const boost::system::system_error& failure) {
      forget_connection();
      if (!may_repeat) throw ClientFailure(fmt::format("{}: {}", url_.authority(), failure.code().message()));
    }
  }
}

}  // namespace cadastre::http
