#include "services/civicctl/text_output.h"

#include <gtest/gtest.h>

#include <sstream>

namespace civicmesh::civicctl {
namespace {

TEST(DisplayWidth, ChineseTakesTwoColumns) {
  EXPECT_EQ(DisplayWidth(""), 0);
  EXPECT_EQ(DisplayWidth("case"), 4);
  EXPECT_EQ(DisplayWidth("暴露垃圾"), 8);
  EXPECT_EQ(DisplayWidth("4工作时，"), 9);
}

TEST(DisplayWidth, WhatIsNotUtf8StillEnds) { EXPECT_EQ(DisplayWidth("a\xff\xe5"), 3); }

TEST(Table, ColumnsLineUpAndNumbersStandRight) {
  Table table({"kind", "名称", "count"});
  table.Add({"standard", "暴露垃圾", "7"});
  table.Add({"x", "b", "1234"});
  std::ostringstream out;
  table.Print(out);
  EXPECT_EQ(out.str(),
            "kind      名称      count\n"
            "standard  暴露垃圾      7\n"
            "x         b          1234\n");
}

TEST(TimeText, IsLocalTimeOfTheDistrict) {
  EXPECT_EQ(TimeText(1790757000000), "2026-09-30 16:30:00");
  EXPECT_EQ(TimeText(0), "-");
}

}  // namespace
}  // namespace civicmesh::civicctl
