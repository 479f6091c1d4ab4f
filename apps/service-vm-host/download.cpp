#include "download.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <memory>
#include <mutex>

#include "agent/image_cache.h"
#include "base/descriptor.h"
#include "crypto/sha256.h"

namespace cadastre {
namespace {

constexpr int attempts_max = 3;
constexpr long redirects_max = 5;
constexpr long connect_limit_s = 10;
constexpr long slow_bytes_per_s = 1024;
constexpr long slow_limit_s = 60;

/// What one transfer has brought so far.
struct Transfer {
  const ImageFile& file;
  const Descriptor out;
  const std::stop_token stop;
  Sha256Stream hash{};
  std::int64_t bytes = 0;
  bool is_too_long = false;
  int write_fault = 0;  ///< errno.
};

std::size_t take(const char* data, std::size_t /*always 1*/, std::size_t size, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  transfer.bytes += static_cast<std::int64_t>(size);
  transfer.is_too_long = transfer.bytes > transfer.file.size_bytes;
  if (transfer.is_too_long) return CURL_WRITEFUNC_ERROR;
  const std::string_view piece(data, size);
  transfer.hash.add(as_bytes(piece));
  if (write_all(transfer.out, piece)) return size;
  transfer.write_fault = errno;
  return CURL_WRITEFUNC_ERROR;
}

/// Called by libcurl at least once a second; 1 ends the transfer.
int look(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<Transfer*>(user)->stop.stop_requested() ? 1 : 0;
}

std::unexpected<Refusal> refuse_file(Code code, const ImageFile& file, const std::string& why) {
  return refuse(code, "vm_type", fmt::format("The image {} cannot be fetched: {}.", shown(file), why));
}

/// Whether the same may work a moment later.
bool is_passing(CURLcode outcome, long status) {
  switch (outcome) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_PARTIAL_FILE:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR: return true;
    case CURLE_HTTP_RETURNED_ERROR: return status >= 500 || status == 408 || status == 429;
    default: return false;
  }
}

struct Attempt {
  Result<void> outcome;
  bool may_repeat = false;
};

Attempt attempt(const ImageFile& file, const std::string& path, const std::stop_token& stop,
                const DownloadSettings& settings) {
  Transfer transfer{.file = file,
                    .out = Descriptor(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)),
                    .stop = stop};
  if (transfer.out.number() < 0) return {refuse_file(Code::unavailable, file, path + ": " + std::strerror(errno))};
  const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl(curl_easy_init(), &curl_easy_cleanup);
  if (curl == nullptr) throw std::runtime_error("libcurl: curl_easy_init failed");
  char sentence[CURL_ERROR_SIZE] = "";
  CURLcode set = CURLE_OK;
  const auto option = [&](CURLoption name, auto value) {
    if (set == CURLE_OK) set = curl_easy_setopt(curl.get(), name, value);
  };
  option(CURLOPT_ERRORBUFFER, static_cast<char*>(sentence));
  option(CURLOPT_URL, file.url.c_str());
  option(CURLOPT_PROTOCOLS_STR, "http,https");
  option(CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  option(CURLOPT_FOLLOWLOCATION, 1L);
  option(CURLOPT_MAXREDIRS, redirects_max);
  option(CURLOPT_FAILONERROR, 1L);
  option(CURLOPT_NOSIGNAL, 1L);
  option(CURLOPT_CONNECTTIMEOUT, connect_limit_s);
  option(CURLOPT_LOW_SPEED_LIMIT, slow_bytes_per_s);
  option(CURLOPT_LOW_SPEED_TIME, slow_limit_s);
  if (!settings.ca_file.empty()) option(CURLOPT_CAINFO, settings.ca_file.c_str());
  option(CURLOPT_WRITEFUNCTION, &take);
  option(CURLOPT_WRITEDATA, static_cast<void*>(&transfer));
  option(CURLOPT_NOPROGRESS, 0L);
  option(CURLOPT_XFERINFOFUNCTION, &look);
  option(CURLOPT_XFERINFODATA, static_cast<void*>(&transfer));
  if (set != CURLE_OK) return {refuse_file(Code::invalid_field, file, curl_easy_strerror(set))};

  const CURLcode outcome = curl_easy_perform(curl.get());
  long status = 0;
  curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
  if (transfer.is_too_long) {
    return {refuse_file(Code::invalid_field, file, fmt::format("it is longer than its {} bytes", file.size_bytes))};
  }
  if (transfer.write_fault != 0) return {refuse_file(Code::unavailable, file, std::strerror(transfer.write_fault))};
  if (outcome != CURLE_OK) {
    const std::string why = *sentence == '\0' ? curl_easy_strerror(outcome) : sentence;
    return {refuse_file(Code::unavailable, file, why), is_passing(outcome, status)};
  }
  if (transfer.bytes != file.size_bytes) {
    return {refuse_file(Code::invalid_field, file,
                        fmt::format("it has {} bytes and not {}", transfer.bytes, file.size_bytes))};
  }
  if (transfer.hash.finish() != file.sha256) {
    return {refuse_file(Code::invalid_field, file, "its SHA-256 is not that of the catalogue")};
  }
  if (::fsync(transfer.out.number()) != 0) return {refuse_file(Code::unavailable, file, std::strerror(errno))};
  return {};
}

/// False when it is to stop.
bool rest(const std::stop_token& stop, std::chrono::seconds time) {
  std::mutex mutex;
  std::unique_lock lock(mutex);
  std::condition_variable_any never;
  never.wait_for(lock, stop, time, [] { return false; });
  return !stop.stop_requested();
}

}  // namespace

Result<void> download(const ImageFile& file, const std::string& path, const std::stop_token& stop,
                      const DownloadSettings& settings) {
  for (int count = 1;; ++count) {
    auto tried = attempt(file, path, stop, settings);
    if (tried.outcome) return {};
    ::unlink(path.c_str());
    if (!tried.may_repeat || count == attempts_max || !rest(stop, std::chrono::seconds(count))) return tried.outcome;
  }
}

}  // namespace cadastre
