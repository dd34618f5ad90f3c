#include "services/dispatch/domain/explanations.h"

#include "civicmesh/options/v1/options.pb.h"
#include "gtest/gtest.h"

namespace civicmesh::dispatch {
namespace {

TEST(ExplanationsTest, TellsTheFactsInBothLanguages) {
  const auto e = Explain(v1::EXPLANATION_CODE_UNIT_FALLBACK, 0,
                         {{"role", "gas"}, {"grid", "990101001001001"}, {"unit", "u-general"}});
  EXPECT_EQ(e.choice(), v1::CHOICE_UNIT);
  EXPECT_EQ(TellZh(e), "责任清单中没有网格 990101001001001 内职责 gas 的条目，由兜底单位 u-general 负责。");
  EXPECT_EQ(TellEn(e),
            "No duty entry names the role gas in grid 990101001001001; the fallback unit u-general takes it.");
}

TEST(ExplanationsTest, AMissingFactIsSeen) {
  EXPECT_EQ(TellZh(Explain(v1::EXPLANATION_CODE_GRID_NONE, 0, {{"district", ""}})),
            "位置不在辖区任何单元网格内（辖区数据 —）。");
}

TEST(ExplanationsTest, EveryCodeHasAChoiceAndTexts) {
  const auto* codes = v1::ExplanationCode_descriptor();
  for (int i = 1; i < codes->value_count(); ++i) {
    const auto e = Explain(static_cast<v1::ExplanationCode>(codes->value(i)->number()), 0, {});
    EXPECT_NE(e.choice(), v1::CHOICE_UNSPECIFIED) << codes->value(i)->name();
    EXPECT_NE(TellZh(e), "") << codes->value(i)->name();
    EXPECT_NE(TellEn(e), "") << codes->value(i)->name();
  }
}

}  // namespace
}  // namespace civicmesh::dispatch
