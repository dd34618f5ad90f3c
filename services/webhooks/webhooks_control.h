// What an operator may ask of the webhooks: the ControlService that every service has, without shards, and each
// subscription's figures among its metrics.
//
// One thread makes it, ticks it and ends it.
#pragma once

#include <memory>

#include "absl/status/statusor.h"

namespace civicmesh {

class Once;
class ReferenceLibrary;
struct ProcessOptions;

namespace webhooks {

class WebhooksProcess;

class WebhooksControl {
 public:
  // Serves from now on. `once` as Doorkeeper::Make has it; what is pointed to outlives the control. INVALID_ARGUMENT:
  // the key set, issuer or audience is unusable. UNAVAILABLE: cannot listen.
  static absl::StatusOr<std::unique_ptr<WebhooksControl>> Start(const ProcessOptions& options,
                                                                const ReferenceLibrary* references, Once* once,
                                                                const WebhooksProcess* process);
  // Cuts off what is being answered.
  ~WebhooksControl();

  // To be called several times a second.
  void Tick();

 private:
  struct Impl;
  explicit WebhooksControl(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace webhooks
}  // namespace civicmesh
