// Who acted, as commands and records carry it (log.v1.Actor).
#pragma once

#include "civicmesh/log/v1/log.pb.h"
#include "services/runtime/decider/context.h"

namespace civicmesh {

void WriteActor(const ActorView& actor, log::v1::Actor* to);

// Also of what was written before posts were: such actors reach what their posts reached then.
ActorView ActorOf(const log::v1::Actor& actor);

}  // namespace civicmesh
