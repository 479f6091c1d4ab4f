#include "compute/seed_image.h"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>

#include "compute/child_process.h"

namespace cadastre {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr auto xorriso_limit = 30s;  // it writes some 400 KiB

/// A folder that is gone with this object.
class Scratch {
 public:
  explicit Scratch(std::string path) : path_(std::move(path)) {
    fs::remove_all(path_);
    fs::create_directory(path_);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() {
    std::error_code ignored;  // the guest's own folder goes with the guest
    fs::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  const std::string path_;
};

Result<void> write_file(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  if (file) return {};
  return refuse(Code::unavailable, "seed", fmt::format("The node cannot write {}.", path));
}

}  // namespace

Result<void> make_seed_image(const std::string& path, const GuestSeed& seed, const Clock& clock) {
  const Scratch files(path + ".files");
  TRY(write_file(files.path() + "/meta-data", seed.meta_data));
  TRY(write_file(files.path() + "/user-data", seed.user_data));
  const std::string part = path + ".part";
  TRY(run_program({"xorriso", "-as", "mkisofs", "-quiet", "-volid", "cidata", "-joliet", "-rational-rock", "-output",
                   part, files.path()},
                  xorriso_limit, clock));
  fs::rename(part, path);
  return {};
}

}  // namespace cadastre
