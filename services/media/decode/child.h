// Runs a program on a file that nobody trusts, and is done with it when its time is up.
//
// The program sees the file as its standard input, which can be read again and sought in but not written, a standard
// output, an environment of the given lines, and no other descriptor. Any thread; blocks for at most `limit`.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace civicmesh::media {

struct Command {
  std::vector<std::string> arguments;  // the first is the program's path
  std::vector<std::string> environment;
  absl::Duration limit;
  size_t longest_output;
  // The program leads a group of processes, all of which end with it. Without, it stays in the caller's, and ends with
  // that: a caller who may send no signals gives up on it, and soon ends too.
  bool own_group = true;
};

struct Ended {
  bool exited = false;  // by itself, with `code`; otherwise by `signal`, SIGKILL where its time or output ran out
  int code = 0;
  int signal = 0;
  std::string output;
};

// A file in memory, sealed. The descriptor is the caller's; negative: there is no more memory or descriptor.
int SealedFile(std::string_view contents);

// UNAVAILABLE: it could not be started.
absl::StatusOr<Ended> Run(const Command& command, int file);

}  // namespace civicmesh::media
