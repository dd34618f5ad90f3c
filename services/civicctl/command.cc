#include "services/civicctl/command.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <ostream>
#include <utility>
#include <vector>

namespace civicmesh::civicctl {
namespace {

constexpr int kFailed = 1;
constexpr int kCalledWrongly = 2;

// The action of the innermost subcommand that was named.
struct Chosen {
  const Command* command = nullptr;
  Action action;
};

void Declare(const Command& command, CLI::App& app, Chosen& chosen) {
  CLI::App* sub = app.add_subcommand(command.name, command.summary);
  sub->callback([&chosen, &command, action = command.declare(*sub)] { chosen = {&command, action}; });
}

// "help deadline" asks for what "deadline --help" prints.
std::vector<std::string> WithoutHelpWord(std::span<const std::string> args) {
  std::vector<std::string> all(args.begin(), args.end());
  if (all.empty()) return {"--help"};
  if (all.front() != "help") return all;
  all.erase(all.begin());
  all.push_back("--help");
  return all;
}

bool Knows(std::span<const Command> commands, const std::string& name) {
  return std::any_of(commands.begin(), commands.end(), [&](const Command& c) { return c.name == name; });
}

}  // namespace

int RunCommand(std::span<const Command> commands, std::span<const std::string> args, std::ostream& out,
               std::ostream& err) {
  CLI::App app("civicctl: the operator's and developer's tool of civicmesh", "civicctl");
  app.require_subcommand(1);
  app.get_formatter()->column_width(36);
  Chosen chosen;
  for (const Command& command : commands) Declare(command, app, chosen);
  std::vector<std::string> words = WithoutHelpWord(args);
  if (words.front().rfind('-', 0) != 0 && !Knows(commands, words.front())) {
    err << "civicctl: there is no command " << words.front() << "; `civicctl help` lists them\n";
    return kCalledWrongly;
  }
  std::reverse(words.begin(), words.end());  // as CLI11 takes them
  try {
    app.parse(std::move(words));
  } catch (const CLI::ParseError& error) {
    return app.exit(error, out, err) == 0 ? 0 : kCalledWrongly;
  }
  const absl::Status done = chosen.action(out);
  out.flush();
  if (done.ok()) return 0;
  err << "civicctl " << chosen.command->name << ": " << done.message() << "\n";
  return kFailed;
}

}  // namespace civicmesh::civicctl
