#include "services/runtime/people/roster.h"

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <map>

#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "civicmesh/options/v1/options.pb.h"
#include "civicmesh/reference/v1/reference.pb.h"

namespace civicmesh {
namespace {

absl::StatusOr<std::shared_ptr<const Roster>> Make(const std::string& members) {
  reference::v1::Roster message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString("version: 'v7' " + members, &message)) << members;
  return Roster::Make(message);
}

int64_t Ms(const std::string& time) {
  absl::Time parsed;
  EXPECT_TRUE(absl::ParseTime(absl::RFC3339_full, time, &parsed, nullptr));
  return absl::ToUnixMillis(parsed);
}

// "DISPATCHER UNIT_WORKER@u-1/990101001"
std::string PostsAt(const Roster& roster, const std::string& subject, const std::string& time) {
  return absl::StrJoin(roster.PostsAt(subject, Ms(time)), " ", [](std::string* out, const Post& post) {
    absl::StrAppend(out, post.role, post.unit.empty() ? "" : "@" + post.unit, post.area.empty() ? "" : "/" + post.area);
  });
}

constexpr char kPeople[] = R"pb(
  members {
    subject: 'wang'
    posts { role: 'REGISTRAR' area: '990101001' valid_until: '2026-11-20T00:00:00+08:00' }
    posts { role: 'SHIFT_LEADER' valid_from: '2026-11-20T00:00:00+08:00' }
    absences { from: '2026-11-23T08:00:00+08:00' until: '2026-11-25T08:00:00+08:00' deputy: 'li' }
  }
  members {
    subject: 'li'
    posts { role: 'DISPATCHER' }
    absences { from: '2026-11-24T00:00:00+08:00' until: '2026-11-24T12:00:00+08:00' deputy: 'zhao' }
  }
  members { subject: 'zhao' }
  members {
    subject: 'sun'
    posts { role: 'UNIT_WORKER' unit: 'u-1' area: '990101002' }
    posts { role: 'UNIT_WORKER' unit: 'u-2' }
  })pb";

TEST(RosterTest, PostsComeAndGoAtTheirTimes) {
  auto roster = *Make(kPeople);
  EXPECT_EQ(PostsAt(*roster, "wang", "2026-11-19T23:59:59+08:00"), "REGISTRAR/990101001");
  EXPECT_EQ(PostsAt(*roster, "wang", "2026-11-20T00:00:00+08:00"), "SHIFT_LEADER");
  EXPECT_EQ(PostsAt(*roster, "sun", "2026-11-20T00:00:00+08:00"), "UNIT_WORKER@u-1/990101002 UNIT_WORKER@u-2");
  EXPECT_EQ(PostsAt(*roster, "stranger", "2026-11-20T00:00:00+08:00"), "");
  EXPECT_TRUE(roster->Knows("zhao"));
  EXPECT_FALSE(roster->Knows("stranger"));
  EXPECT_EQ(roster->version(), "v7");
}

TEST(RosterTest, WhoIsAbsentMayNothingAndTheDeputyBoth) {
  auto roster = *Make(kPeople);
  EXPECT_EQ(PostsAt(*roster, "wang", "2026-11-23T08:00:00+08:00"), "");
  EXPECT_EQ(PostsAt(*roster, "li", "2026-11-23T07:59:59+08:00"), "DISPATCHER");
  EXPECT_EQ(PostsAt(*roster, "li", "2026-11-23T08:00:00+08:00"), "DISPATCHER SHIFT_LEADER");
  EXPECT_EQ(PostsAt(*roster, "li", "2026-11-25T08:00:00+08:00"), "DISPATCHER");
}

TEST(RosterTest, WhatWasHandedOnOnceIsNotHandedOnAgain) {
  auto roster = *Make(kPeople);
  EXPECT_EQ(PostsAt(*roster, "li", "2026-11-24T06:00:00+08:00"), "");
  EXPECT_EQ(PostsAt(*roster, "zhao", "2026-11-24T06:00:00+08:00"), "DISPATCHER");
}

// What each post is for; posts of one row go together, those of "free" with each but those who stand alone.
constexpr char kAlone[] = "alone", kFree[] = "free", kJudges[] = "judges", kHandles[] = "handles";
const std::map<std::string, std::string> kDuties = {
    {"COLLECTOR", kJudges},       {"REGISTRAR", kJudges},         {"DISPATCHER", kJudges}, {"SHIFT_LEADER", kJudges},
    {"REVIEWER", kJudges},        {"UNIT_WORKER", kHandles},      {"ORGANISER", kFree},    {"CATALOGUE_MANAGER", kFree},
    {"ANALYST", kFree},           {"OPERATOR", kAlone},           {"GATEWAY", kAlone},     {"AUDITOR", kAlone},
    {"SECURITY_OFFICER", kAlone}, {"DISCIPLINE_OFFICER", kAlone},
};

std::vector<std::string> AllPosts() {
  std::vector<std::string> posts;
  const auto* roles = google::protobuf::GetEnumDescriptor<options::v1::Role>();
  for (int r = 0; r < roles->value_count(); ++r)
    if (const int role = roles->value(r)->number();
        role != options::v1::ROLE_UNSPECIFIED && role != options::v1::ROLE_CITIZEN)
      posts.push_back(roles->value(r)->name().substr(sizeof("ROLE_") - 1));
  return posts;
}

TEST(RosterTest, DutiesThatMustBeApartAreWhateverTheTwoPosts) {
  for (const std::string& one : AllPosts()) {
    ASSERT_TRUE(kDuties.count(one)) << "nobody has decided what " << one << " goes together with";
    for (const std::string& two : AllPosts()) {
      ASSERT_TRUE(kDuties.count(two));
      const std::string &a = kDuties.at(one), &b = kDuties.at(two);
      const bool alone = one != two && (a == kAlone || b == kAlone);
      const bool apart = alone || (a == kJudges && b == kHandles) || (a == kHandles && b == kJudges);
      EXPECT_EQ(Apart(one, two), apart) << one << " " << two;
      // And no roster has it otherwise, of oneself or as a deputy.
      const std::string first = absl::StrCat("posts {role: '", one, "' unit: 'u'} "),
                        second = absl::StrCat("posts {role: '", two, "' unit: 'u'} ");
      EXPECT_EQ(Make("members {subject: 'a' " + first + second + "}").ok(), !apart) << one << " " << two;
      const std::string away = "absences {from: '2026-02-01T00:00:00Z' until: '2026-02-02T00:00:00Z' deputy: 'a'}";
      EXPECT_EQ(Make("members {subject: 'a' " + first + "} members {subject: 'b' " + second + away + "}").ok(), !apart)
          << one << " for " << two;
    }
  }
  EXPECT_EQ(kDuties.size(), AllPosts().size());
  EXPECT_FALSE(Apart("NO_POST", "UNIT_WORKER"));
}

TEST(RosterTest, RefusesWhatHoldsNoOrder) {
  const struct {
    const char* members;
    const char* why;
  } kWrong[] = {
      {"members {}", "is no subject"},
      {"members {subject: 'policy:x'}", "is no subject"},
      {"members {subject: 'a'} members {subject: 'a'}", "twice"},
      {"members {subject: 'a' posts {role: 'BOSS'}}", "no post BOSS"},
      {"members {subject: 'a' posts {role: 'CITIZEN'}}", "no post CITIZEN"},
      {"members {subject: 'a' posts {role: 'UNIT_WORKER'}}", "needs a unit"},
      {"members {subject: 'a' posts {role: 'ANALYST' area: '99010'}}", "no area 99010"},
      {"members {subject: 'a' posts {role: 'ANALYST' valid_from: 'today'}}", "no interval"},
      {"members {subject: 'a' posts {role: 'ANALYST' valid_from: '2026-02-01T00:00:00Z' valid_until: "
       "'2026-01-01T00:00:00Z'}}",
       "no interval"},
      {"members {subject: 'a' absences {from: '2026-02-01T00:00:00Z'}}", "needs an interval"},
      {"members {subject: 'a' absences {from: '2026-02-01T00:00:00Z' until: '2026-02-02T00:00:00Z' deputy: 'b'}}",
       "no other member"},
      {"members {subject: 'a' absences {from: '2026-02-01T00:00:00Z' until: '2026-02-02T00:00:00Z' deputy: 'a'}}",
       "no other member"},
      {"members {subject: 'a' posts {role: 'COLLECTOR'} posts {role: 'UNIT_WORKER' unit: 'u'}}",
       "COLLECTOR and UNIT_WORKER must be two people's"},
      // One after the other is no trouble, a day of both is; and so is standing in.
      {"members {subject: 'a' posts {role: 'COLLECTOR' valid_until: '2026-02-02T00:00:00Z'} "
       "posts {role: 'UNIT_WORKER' unit: 'u' valid_from: '2026-02-01T00:00:00Z'}}",
       "must be two people's"},
      {"members {subject: 'a' posts {role: 'COLLECTOR'}} members {subject: 'b' posts {role: 'UNIT_WORKER' unit: 'u'} "
       "absences {from: '2026-02-01T00:00:00Z' until: '2026-02-02T00:00:00Z' deputy: 'a'}}",
       "stands in for another"},
  };
  for (const auto& wrong : kWrong) {
    auto roster = Make(wrong.members);
    EXPECT_NE(std::string(roster.status().message()).find(wrong.why), std::string::npos) << wrong.members << "\n"
                                                                                         << roster.status();
  }
  EXPECT_TRUE(Make("members {subject: 'a' posts {role: 'COLLECTOR' valid_until: '2026-02-01T00:00:00Z'} "
                   "posts {role: 'UNIT_WORKER' unit: 'u' valid_from: '2026-02-01T00:00:00Z'}}")
                  .ok());
}

}  // namespace
}  // namespace civicmesh
