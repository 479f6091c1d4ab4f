// What every verb of `cadastre` shares: the options in force, clocks, and how it ends.
#pragma once

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>

#include "base/random.h"
#include "base/time.h"

namespace cadastre {

/// The answers of the program.
enum class ExitCode {
  ok = 0,
  refused = 1,       ///< The server, or a check, said no.
  usage = 2,         ///< What was asked for cannot be understood, or lacks something.
  input_output = 3,  ///< A file or the server could not be used.
};

/// A sentence for the caller, and how the program ends.
class Failure : public std::runtime_error {
 public:
  Failure(ExitCode code, const std::string& sentence) : std::runtime_error(sentence), code_(code) {}
  ExitCode code() const { return code_; }

 private:
  ExitCode code_;
};

[[noreturn]] inline void usage_error(const std::string& sentence) { throw Failure(ExitCode::usage, sentence); }
[[noreturn]] inline void file_error(const std::string& sentence) { throw Failure(ExitCode::input_output, sentence); }

enum class OutputFormat { table, json };

/// The options that every verb knows, from flags and the environment. Empty: not given.
struct GlobalOptions {
  std::string context;
  std::string url;
  std::string token_file;
  std::string key_file;
  std::string ca_file;
  std::string tenant;
  std::string output = "table";
  bool allows_plain_http = false;

  OutputFormat format() const { return output == "json" ? OutputFormat::json : OutputFormat::table; }
};

struct Program;
using Command = std::function<ExitCode(Program&)>;

struct Program {
  const Clock& clock;
  Random& random;
  GlobalOptions options = {};
  Command command = {};  ///< What the verb does that was chosen.
};

}  // namespace cadastre
