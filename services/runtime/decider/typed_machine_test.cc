// Streams that have come to their end are kept as bytes, which nobody but the memory notices. The machine's messages
// are log.v1.TimerId (a stream's kind is what was said last, its due_ms how often) only because some are needed.
#include "services/runtime/decider/typed_machine.h"

#include <map>

#include "civicmesh/log/v1/log.pb.h"
#include "gtest/gtest.h"

namespace civicmesh {
namespace {

using Word = log::v1::TimerId;

class Words : public TypedMachine<Word, Word, Word> {
 public:
  size_t awake() const { return streams().size(); }
  std::map<std::string, std::string> index;  // by stream: what was said last

 protected:
  Decision<Word> DecideCommand(const Word&, const Context&) const override { return Decided<Word>(); }
  Decision<Word> DecideTimer(const FiredTimer&, const Context&) const override { return Decided<Word>(); }
  absl::Status EvolveStream(Word& stream, const EventMeta& meta, const Word& event) override {
    stream.set_kind(event.kind());
    index[std::string(meta.stream)] = event.kind();
    stream.set_due_ms(stream.due_ms() + 1);
    return absl::OkStatus();
  }
  std::vector<std::string> RowsOf(std::string_view, const Word& stream) const override { return {stream.kind()}; }
  std::vector<PublicEvent> PublicEvents(const EventMeta&, const Word&) const override { return {}; }
  void Loaded(std::string_view id, const Word& before, const Word& loaded) override {
    EXPECT_EQ(index[std::string(id)], before.kind());
    index[std::string(id)] = loaded.kind();
  }
  bool Settled(const Word& stream) const override { return stream.kind() == "end"; }
};

std::string Said(const std::string& kind, int times = 0) {
  Word word;
  word.set_kind(kind);
  word.set_due_ms(times);
  return word.SerializeAsString();
}

void Say(Words& words, const std::string& stream, const std::string& kind) {
  ASSERT_TRUE(words.Evolve({.stream = stream}, Said(kind)).ok());
}

TEST(TypedMachineTest, ASettledStreamReadsLikeAnyOther) {
  Words words;
  Say(words, "a", "begin");
  Say(words, "b", "begin");
  EXPECT_EQ(words.awake(), 2u);
  Say(words, "a", "end");
  EXPECT_EQ(words.awake(), 1u);
  EXPECT_EQ(words.Find("a")->kind(), "end");
  EXPECT_EQ(words.Find("a")->due_ms(), 2);
  EXPECT_EQ(words.Save("a"), Said("end", 2));
  EXPECT_EQ(words.Rows("a"), std::vector<std::string>{"end"});
  EXPECT_EQ(words.index["a"], "end");
  EXPECT_EQ(words.Find("c"), nullptr);
}

TEST(TypedMachineTest, ASettledStreamGoesOnWhereItEnded) {
  Words words;
  Say(words, "a", "end");
  Say(words, "a", "again");
  EXPECT_EQ(words.awake(), 1u);
  EXPECT_EQ(words.Save("a"), Said("again", 2));
  Say(words, "a", "end");
  EXPECT_EQ(words.awake(), 0u);
  EXPECT_EQ(words.Save("a"), Said("end", 3));
}

TEST(TypedMachineTest, LoadsSettledAndOthersAlike) {
  Words words;
  ASSERT_TRUE(words.Load("a", Said("end", 5)).ok());
  ASSERT_TRUE(words.Load("b", Said("begin", 1)).ok());
  EXPECT_EQ(words.awake(), 1u);
  EXPECT_EQ(words.Save("a"), Said("end", 5));
  ASSERT_TRUE(words.Load("a", Said("begin", 6)).ok());
  EXPECT_EQ(words.awake(), 2u);
  EXPECT_EQ(words.Save("a"), Said("begin", 6));
  ASSERT_TRUE(words.Load("b", Said("end", 2)).ok());
  EXPECT_EQ(words.awake(), 1u);
  EXPECT_EQ(words.Save("b"), Said("end", 2));
  EXPECT_FALSE(words.Load("a", "\xff").ok());
  EXPECT_EQ(words.Save("a"), Said("begin", 6));
}

}  // namespace
}  // namespace civicmesh
