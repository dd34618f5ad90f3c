// For the tests of points: the sample's rules and catalogue, and a shard of the given/when/then harness over them.
#pragma once

#include <fstream>
#include <iterator>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "civicmesh/points/v1/points_journal.pb.h"
#include "civicmesh/reference/v1/reference.pb.h"
#include "google/protobuf/util/json_util.h"
#include "gtest/gtest.h"
#include "services/points/domain/earning.h"
#include "services/points/domain/item.h"
#include "services/points/domain/points_shard.h"
#include "services/runtime/decider/given_when_then.h"

namespace civicmesh::points {

template <typename Content>
Content Sample(const std::string& file) {
  std::ifstream in(absl::StrCat(CIVICMESH_SAMPLE, "/", file));
  const std::string json{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  Content content;
  EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(json, &content).ok()) << file;
  return content;
}

inline reference::v1::PointsRules SampleRules() { return Sample<reference::v1::PointsRules>("points_rules.json"); }
inline reference::v1::Catalogue SampleCatalogue() { return Sample<reference::v1::Catalogue>("catalogue.json"); }

// Both kinds, as the sample has them.
inline gwt::References SampleReferences() {
  gwt::References references;
  references.Set(kRulesKind, std::make_shared<reference::v1::PointsRules>(SampleRules()));
  references.Set(kCatalogueKind, std::make_shared<reference::v1::Catalogue>(SampleCatalogue()));
  return references;
}

inline gwt::Shard NewShard(const gwt::References& references, int shard = 0) {
  return gwt::Shard(std::make_unique<PointsShard>(), v1::JournalEvent::default_instance(),
                    v1::Command::default_instance(), &references, shard);
}

inline std::string CheckRow(const gwt::Row& row) {
  const gwt::References references = SampleReferences();
  gwt::Shard shard = NewShard(references);
  return gwt::Check(row, shard);
}

// "seconds: 1794967200", of a time of the harness.
inline std::string Seconds(std::string_view at) { return absl::StrCat("seconds: ", absl::ToUnixSeconds(gwt::At(at))); }

}  // namespace civicmesh::points
