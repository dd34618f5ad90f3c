// Calls a command as the shell does. For tests.
#pragma once

#include <sstream>
#include <string>
#include <vector>

#include "services/civicctl/command.h"

namespace civicmesh::civicctl {

struct Called {
  int code = 0;
  std::string out, err;
  std::string LastLine() const { return out.empty() ? "" : out.substr(out.rfind('\n', out.size() - 2) + 1); }
};

inline Called Call(const Command& command, std::vector<std::string> args) {
  const std::vector<Command> commands = {command};
  std::ostringstream out, err;
  const int code = RunCommand(commands, args, out, err);
  return {code, out.str(), err.str()};
}

}  // namespace civicmesh::civicctl
