// What the tables of intake's rules share: one shard with a small standard and district, notices of its own with quiet
// hours from 22:00 to 07:00, and people.
#pragma once

#include <memory>
#include <string>

#include "civicmesh/intake/v1/intake_journal.pb.h"
#include "google/protobuf/text_format.h"
#include "services/intake/domain/intake_shard.h"
#include "services/intake/domain/notice_words.h"
#include "services/intake/intake_reference.h"
#include "services/runtime/decider/given_when_then.h"
#include "services/runtime/decider/posts_for_tests.h"

namespace civicmesh::intake {

using namespace gwt;

inline const ActorView kCitizen{.subject = "u1", .posts = Posts({"CITIZEN"})};
inline const ActorView kOther{.subject = "u2", .posts = Posts({"CITIZEN"})};
inline const ActorView kNobody;
inline const ActorView kCollector{.subject = "collector-01", .posts = Posts({"COLLECTOR"})};
inline const ActorView kRegistrar{.subject = "registrar-01", .posts = Posts({"REGISTRAR"})};
inline const ActorView kGateway{.subject = "gateway-01", .posts = Posts({"GATEWAY"})};
inline const ActorView kReviewer{.subject = "reviewer-01", .posts = Posts({"REVIEWER"})};
inline const ActorView kAnalyst{.subject = "analyst-01", .posts = Posts({"ANALYST"})};
inline const ActorView kPolicy{.subject = "policy:follow_case", .posts = {}};

inline std::shared_ptr<const void> Parsed(const char* kind, const google::protobuf::Message& content) {
  return *ReferenceParsers()[kind](content.SerializeAsString());
}

inline void AddNotices(References& references) {
  reference::v1::Notices notices = BuiltInNotices();
  for (auto& one : *notices.mutable_templates()) {
    one.set_urgent(one.kind() == "DECLINED");
    if (one.kind() == "CLOSED") one.set_text_zh("办好了");
  }
  notices.mutable_quiet_hours()->set_from("22:00");
  notices.mutable_quiet_hours()->set_to("07:00");
  references.Set(kNotices, Parsed(kNotices, notices));
}

inline std::string CheckRow(const Row& row, bool with_reference = true) {
  References references;
  if (with_reference) {
    reference::v1::Standard standard;
    google::protobuf::TextFormat::ParseFromString(
        R"pb(
          version: "2026-1"
          classes { code: "E0110" name_zh: "暴露垃圾" camera_class: 6 }
          classes { code: "E0406" name_zh: "占道经营" camera_class: 3 })pb",
        &standard);
    references.Set(kStandard, Parsed(kStandard, standard));
    reference::v1::District district;
    google::protobuf::TextFormat::ParseFromString(R"pb(
                                                    cameras {
                                                      id: "cam-001"
                                                      location { latitude: 30.3 longitude: 120 }
                                                      legal_basis_zh: "办法第九条"
                                                    }
                                                    cameras {
                                                      id: "cam-002"
                                                      location { latitude: 30.3 longitude: 120 }
                                                    })pb",
                                                  &district);
    references.Set(kDistrict, Parsed(kDistrict, district));
    AddNotices(references);
  }
  Shard shard(MakeShard(0), v1::JournalEvent::default_instance(), v1::Command::default_instance(), &references);
  return Check(row, shard);
}

inline std::string Hash(char fill) { return std::string(32, fill); }

}  // namespace civicmesh::intake
