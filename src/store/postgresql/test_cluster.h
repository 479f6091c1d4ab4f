// The throw-away PostgreSQL cluster that tests share (tests/support/postgres.py), and an empty schema in it for each.
#pragma once

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "base/test_folder.h"
#include "store/postgresql/connection.h"

namespace cadastre::postgresql {

namespace detail {

inline std::string cluster_folder() { return CADASTRE_BINARY_DIR "/postgresql"; }

inline bool run_cluster_tool(const char* verb) {
  const std::string command =
      fmt::format("python3 {}/tests/support/postgres.py {} {}", CADASTRE_SOURCE_DIR, verb, cluster_folder());
  return std::system(command.c_str()) == 0;
}

}  // namespace detail

/// The cluster's URL. CTest starts it before the tests that need it; for a test run by hand it is started here, and
/// stopped when the process exits.
inline const std::string& cluster_url() {
  static const std::string url = [] {
    if (!std::filesystem::exists(detail::cluster_folder() + "/url")) {
      REQUIRE(detail::run_cluster_tool("start"));
      std::atexit([] { detail::run_cluster_tool("stop"); });
    }
    return bytes_of(detail::cluster_folder() + "/url");
  }();
  return url;
}

/// A schema of its own in the cluster's database, gone with this object.
class TestSchema {
 public:
  TestSchema() {
    static std::atomic<int> next = 0;
    name_ = fmt::format("test_{}_{}", ::getpid(), next++);
    Connection(cluster_url()).execute("CREATE SCHEMA " + name_);
  }
  TestSchema(const TestSchema&) = delete;
  TestSchema& operator=(const TestSchema&) = delete;
  ~TestSchema() {
    Connection(cluster_url()).execute("SET client_min_messages = error; DROP SCHEMA " + name_ + " CASCADE");
  }

  std::string url() const { return cluster_url() + "&options=-csearch_path%3D" + name_; }
  /// As an operator's shell would.
  std::string sql(const std::string& text) const { return Connection(url()).text(text); }

 private:
  std::string name_;
};

}  // namespace cadastre::postgresql
