// cadastre: the command line of operators and tenants over the HTTP API.
#include <fmt/format.h>

#include <cstdio>
#include <exception>

#include "base/process.h"
#include "command_line.h"
#include "http/client.h"
#include "program.h"

namespace cadastre {
namespace {

ExitCode run_reporting(Program& program) {
  try {
    return program.command(program);
  } catch (const Failure& failure) {
    fmt::print(stderr, "cadastre: {}\n", failure.what());
    return failure.code();
  } catch (const std::exception& failure) {
    fmt::print(stderr, "cadastre: {}\n", failure.what());
    return ExitCode::input_output;
  }
}

}  // namespace
}  // namespace cadastre

int main(int argc, char** argv) {
  cadastre::forbid_core_dumps();
  const cadastre::SystemClock clock;
  cadastre::SystemRandom random;
  cadastre::Program program{.clock = clock, .random = random};
  const auto answer = cadastre::parse_command_line(argc, argv, program);
  return static_cast<int>(answer ? *answer : cadastre::run_reporting(program));
}
