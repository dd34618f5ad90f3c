// civicctl: what operators and developers do with an installation beside its API. `civicctl help` lists it.
#include <iostream>
#include <string>
#include <vector>

#include "services/civicctl/access.h"
#include "services/civicctl/audit.h"
#include "services/civicctl/backup.h"
#include "services/civicctl/command.h"
#include "services/civicctl/deadline.h"
#include "services/civicctl/keys.h"
#include "services/civicctl/load.h"
#include "services/civicctl/log_commands.h"
#include "services/civicctl/parked.h"
#include "services/civicctl/person_copy.h"
#include "services/civicctl/replay/life.h"
#include "services/civicctl/replay/project.h"
#include "services/civicctl/replay/replay.h"
#include "services/civicctl/restore.h"
#include "services/civicctl/topics.h"
#include "services/civicctl/verify.h"

int main(int argc, char** argv) {
  using namespace civicmesh::civicctl;
  // clang-format off
  const std::vector<Command> commands = {
      DeadlineCommand(),
      KeysCommand(),
      TokenCommand(),
      TopicsCommand(),
      AccessCommand(),
      RosterCommand(),
      RevocationsCommand(),
      QuotasCommand(),
      LoadCommand(),
      JournalCommand(),
      EventsCommand(),
      ParkedCommand(),
      VerifyCommand(),
      BackupCommand(),
      RestoreCommand(),
      AuditCommand(),
      ReplayCommand(),
      ProjectCommand(),
      LifeCommand(),
      CopyCommand(),
  };
  // clang-format on
  const std::vector<std::string> args(argv + 1, argv + argc);
  return RunCommand(commands, args, std::cout, std::cerr);
}
