// Keeps a ReferenceLibrary filled from the reference topic: reads it from its start on a thread of its own and adds
// each content whose chunks are complete. The topic is the journal of the domain "reference", one partition.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "services/runtime/journal/journal.h"

namespace civicmesh {

class ReferenceLibrary;

class ReferenceReader {
 public:
  // Both outlive the reader. Starts reading at once.
  ReferenceReader(Journal* reference_journal, ReferenceLibrary* library);
  // Ends the thread; blocks for at most a poll.
  ~ReferenceReader();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// The records that carry one content, framed, in order: append all of them to the reference journal.
std::vector<std::string> ReferenceRecords(const std::string& kind, const std::string& version,
                                          std::string_view content);

}  // namespace civicmesh
