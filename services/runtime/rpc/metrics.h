// What a service counts, as Prometheus text: calls by method and code, commands by outcome, how its shards are.
//
// Thread-safe; nothing blocks but a short lock, and Text for as long as the gauges' own values take. Labels are names
// of ours, never of people (I13).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace civicmesh {

struct ShardStatus;

class Metrics {
 public:
  explicit Metrics(std::string domain);
  ~Metrics();

  // A call has ended: "civicmesh.dispatch.v1.DispatchService/GetCase", "OK", how long it took.
  void CallEnded(std::string_view method, std::string_view code, double seconds);

  // How the shards are and how many commands wait here for their answer, asked whenever Text is.
  void ObserveShards(std::function<std::vector<ShardStatus>()> shards);
  void ObserveInFlight(std::function<int()> in_flight);

  // A gauge of the service's own: its values by their labels, asked whenever Text is, on the thread that calls it.
  // Takes the place of one of that name. What is not among the values any more is not told any more.
  using Gauge = std::vector<std::pair<std::map<std::string, std::string>, double>>;
  void ObserveGauge(std::string name, std::string help, std::function<Gauge()> values);

  // The text exposition format 0.0.4.
  std::string Text();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace civicmesh
