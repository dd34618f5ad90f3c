#include "services/civicctl/replay/door_options.h"

#include <CLI/CLI.hpp>

namespace civicmesh::civicctl {

void AddDoor(CLI::App& app, MeshOptions& options) {
  app.add_option("--door", options.door, "the door, as http://127.0.0.1:8311")->required();
  app.add_option("--keys", options.keys, "the folder that `civicctl keys` filled")->required();
  app.add_option_function<int>(
         "--patience", [&options](int seconds) { options.patience = absl::Seconds(seconds); },
         "for how many seconds a call that is not answered is repeated (300)")
      ->check(CLI::PositiveNumber);
}

}  // namespace civicmesh::civicctl
