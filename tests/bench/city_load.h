// What is measured of a running city, straight at the services (or through the door): cases opened one by one, and
// whole lives of reports from the citizen's call to the closed case.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "tests/bench/load.h"

namespace civicmesh::bench {

struct CityAddresses {
  std::string intake, dispatch;  // as gRPC takes them: "unix:/…", "127.0.0.1:8311"
  std::string keys;              // the folder of the signing key
};

class CityLoad {
 public:
  // INVALID_ARGUMENT: no signing key. `first` sets the runs on one city apart: their places
  // begin there.
  static absl::StatusOr<std::unique_ptr<CityLoad>> Make(const CityAddresses& addresses, int64_t first);
  ~CityLoad();

  // OpenCase at the nth place: the places of tests/bench/run's district, spread over all shards, or all in one
  // shard. 1.5 million places, an eighth of them in one shard; then they come again, and are duplicates.
  Start OpenCases(bool one_shard);
  // SubmitReport, and when its case is there accept, register, dispatch, sign, feed back and inspect it.
  Start Lives();

 private:
  struct Impl;
  struct Life;
  explicit CityLoad(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace civicmesh::bench
