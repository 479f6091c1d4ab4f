// The catalogue's images on this node: fetched when a guest first needs one, and kept.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <thread>

#include "domain/guest.h"
#include "service/control_plane_port.h"

namespace cadastre {

/// Brings a file to the path, whole and as its SHA-256 says, or refuses with a sentence: `unavailable` what may work
/// the next time, anything else what will not. Ends early, with any refusal, when it is to stop.
using FetchFile =
    std::function<Result<void>(const ImageFile& file, const std::string& path, const std::stop_token& stop)>;

/// What a file is called in logs and errors: its digest and the host that has it. The rest of its URL may be what lets
/// one in there.
std::string shown(const ImageFile& file);

/// `FOLDER/<sha256>`, each put there by one rename after its bytes were checked, so that what is there is whole. Files
/// are fetched one after the other by a thread of its own: nobody waits for a network. Nothing is ever deleted, since
/// guests' disks lie on top of images; an operator may when no guest does. Safe to call from several threads.
class ImageCache {
 public:
  /// Makes the folder when it is missing. `fetched` is called, from the cache's thread, whenever a file came or failed.
  ImageCache(std::string folder, FetchFile fetch, std::function<void()> fetched);
  ImageCache(const ImageCache&) = delete;
  ImageCache& operator=(const ImageCache&) = delete;

  /// What boots the image; nothing while it is being fetched, which this call begins when nobody did. Refuses, once for
  /// each try, when a file could not be had: asking again tries again.
  Result<std::optional<BootSource>> find(const ImageFacts& image);

 private:
  std::string path_of(const ImageFile& file) const;
  Result<bool> is_here(const ImageFile& file);
  void run(const std::stop_token& stop);
  Result<void> fetch(const ImageFile& file, const std::stop_token& stop) const;

  const std::string folder_;
  const FetchFile fetch_;
  const std::function<void()> fetched_;
  std::mutex mutex_;  ///< Guards what follows.
  std::condition_variable_any asked_;
  std::deque<ImageFile> queue_;
  std::set<Bytes<32>> awaited_;  ///< In the queue, or being fetched.
  std::map<Bytes<32>, Refusal> failures_;
  std::jthread thread_;  // last: it uses all of the above
};

}  // namespace cadastre
