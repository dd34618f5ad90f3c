// Which version of each kind of reference data holds in one shard at one time, and which of them a decision read (R10).
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "civicmesh/log/v1/log.pb.h"
#include "services/runtime/decider/context.h"
#include "services/runtime/shard/reference_library.h"
#include "services/runtime/shard/rules.h"

namespace civicmesh {

class ShardReferences : public ReferenceView {
 public:
  // `activations` in the order in which they were decided; of those whose time has come the last one holds.
  ShardReferences(const ReferenceLibrary* library, const std::vector<log::v1::Activation>& activations, int64_t now_ms,
                  const Rules& rules)
      : library_(library), activations_(activations), now_ms_(now_ms), rules_(rules) {}

  const void* Find(std::string_view kind) const override;

  // Writes what was read into the record.
  void Record(log::v1::Record& record) const;

 private:
  const ReferenceLibrary* library_;
  const std::vector<log::v1::Activation>& activations_;
  const int64_t now_ms_;
  const Rules& rules_;
  mutable std::map<std::string, std::string> used_;  // kind → version
  mutable std::vector<std::shared_ptr<const ReferenceLibrary::Content>> held_;
};

}  // namespace civicmesh
