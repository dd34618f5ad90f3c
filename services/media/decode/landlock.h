// Landlock, by which a process gives up files: what is not named here can be neither read nor written, run, made nor
// removed, and no process outside be sent a signal or reached by TCP, as far as the kernel's version goes.
// Descriptors that are open stay as they are, and so does what lives in memory only (memfd).
#pragma once

#include <span>

namespace civicmesh::media {

struct Allowed {
  const char* path;  // a file, or a folder with all below it; one that is not there is passed over
  bool read = false, run = false, write = false;
};

// Since Linux 5.13, where it is not switched off.
bool HasLandlock();

// For this thread and whatever it starts; no_new_privs has to be set. False: it failed.
bool AllowOnly(std::span<const Allowed> allowed);

}  // namespace civicmesh::media
