// --door, --keys, --patience: how the commands of this folder reach a city.
#pragma once

#include "services/civicctl/replay/mesh.h"

namespace CLI {
class App;
}

namespace civicmesh::civicctl {

void AddDoor(CLI::App& app, MeshOptions& options);

}  // namespace civicmesh::civicctl
