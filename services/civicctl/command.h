// A subcommand of civicctl: one line in main.cc's table, one file that declares its options and does it.
//
//   Command DeadlineCommand() {
//     return {"deadline", "count when a time limit runs out", [](CLI::App& app) {
//               auto options = std::make_shared<Options>();
//               app.add_option("--from", options->from, "when the clock starts")->required();
//               return [options](std::ostream& out) { return Deadline(*options, out); };
//             }};
//   }
//
// Options are CLI11's (Debian libcli11-dev), because absl flags belong to the whole program: they cannot say which of
// them a subcommand needs, and would take those of another in silence. Only .cc files include CLI/CLI.hpp.
#pragma once

#include <functional>
#include <iosfwd>
#include <span>
#include <string>

#include "absl/status/status.h"

namespace CLI {
class App;
}

namespace civicmesh::civicctl {

// What the command does, once its options are read. `out` takes what the user asked for, as aligned text; progress and
// warnings go to standard error. OK: exit code 0. Any other status: its message is printed as the reason and what to
// do, in plain words, and the exit code is 1.
using Action = std::function<absl::Status(std::ostream& out)>;

struct Command {
  std::string name;
  // One line for `civicctl help`.
  std::string summary;
  // Declares the options on `app` and returns what runs with them.
  std::function<Action(CLI::App& app)> declare;
};

// Runs the one of `commands` that `args` (without the program's name) names, and returns the exit code of the process:
// 0, 1 where it failed, 2 where it was called wrongly. `help`, `help NAME` and `--help` print to `out`, reasons to
// `err`.
int RunCommand(std::span<const Command> commands, std::span<const std::string> args, std::ostream& out,
               std::ostream& err);

}  // namespace civicmesh::civicctl
