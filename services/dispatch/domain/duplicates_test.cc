#include "services/dispatch/domain/duplicates.h"

#include <random>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace civicmesh::dispatch {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(DuplicatesTest, MeasuresMetres) {
  EXPECT_NEAR(MetresBetween(30, 120, 31, 120), 111195, 1);
  EXPECT_NEAR(MetresBetween(30, 120, 30, 120.001), 96.3, 0.1);
  EXPECT_EQ(MetresBetween(30, 120, 30, 120), 0);
}

TEST(DuplicatesTest, FindsWhatAScanFinds) {
  // At several latitudes, for a cell's width changes with them.
  for (double latitude : {0.0, 30.3, 52.9, -45.0}) {
    std::mt19937 random(7);
    std::uniform_real_distribution<double> spread(-0.002, 0.002);
    DuplicateIndex index;
    std::vector<DuplicateIndex::Entry> all;
    for (int i = 0; i < 500; ++i) {
      all.push_back({"c-" + std::to_string(i), latitude + spread(random), 120 + spread(random), 0});
      index.Add("E0110", all.back());
    }
    for (int i = 0; i < 200; ++i) {
      const double at = latitude + spread(random), east = 120 + spread(random);
      size_t expected = 0;
      for (const auto& e : all) expected += MetresBetween(at, east, e.latitude, e.longitude) <= kDuplicateMetres;
      const auto found = index.Find("E0110", at, east, 0);
      ASSERT_THAT(found, SizeIs(expected)) << latitude;
      for (size_t k = 1; k < found.size(); ++k) EXPECT_LE(found[k - 1].metres, found[k].metres);
    }
  }
}

TEST(DuplicatesTest, ForgetsWhatIsRemoved) {
  DuplicateIndex index;
  const DuplicateIndex::Entry entry{"c-1", 30.3, 119.96, 0};
  index.Add("E0110", entry);
  index.Add("E0110", entry);
  EXPECT_EQ(index.size(), 1u);
  EXPECT_THAT(index.Find("E0112", 30.3, 119.96, 0), IsEmpty());
  index.Remove("E0112", entry);
  EXPECT_THAT(index.Find("E0110", 30.3, 119.96, 0), SizeIs(1));
  index.Remove("E0110", entry);
  index.Remove("E0110", entry);
  EXPECT_THAT(index.Find("E0110", 30.3, 119.96, 0), IsEmpty());
  EXPECT_EQ(index.size(), 0u);
}

}  // namespace
}  // namespace civicmesh::dispatch
