// What may stand in each field of each request, tried rather than believed: every field of every RPC, as the
// descriptors list them, with values that nobody should send.
//
//   const FieldRules kRules = {{"AddToReportRequest.text", Words(4000, kSealed)}, {"Attachment.uri", ObjectKey()}, …};
//   const std::vector<RequestCase> kCases = {{"AddToReport", kCitizen, kTime, [&] { return …; }}, …};
//   EXPECT_THAT(WrongAnswersToFields(service_, "civicmesh.intake.v1.IntakeService", kRules, kCases), IsEmpty());
//
// A field or an RPC that is in neither list, and an entry that is no field or RPC any more, are wrong answers too. Each
// valid request sets every field of its message; one field at a time is then replaced. What is refused has to be
// refused with a reason, naming the field or what holds it, with no fact published; a number of a person's, a text
// without end and control characters never reach the log at all, whatever the answer.
//
// For tests only. Blocks until all calls are answered.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "google/protobuf/message.h"
#include "services/runtime/decider/context.h"
#include "services/runtime/rpc/access_for_tests.h"

namespace civicmesh {

struct FieldRule {
  enum class Kind {
    kWords,
    kId,
    kReference,
    kName,
    kEtag,
    kObjectKey,
    kNumber,
    kDegrees,
    kValue,
    kFlag,
    kTime,
    kDigest,
    kList,
    kNever,
    kFree
  };
  Kind kind = Kind::kId;
  int64_t least = 0, most = 0;        // characters, or numbers
  bool personal = false;              // words: a person's number is taken, and sealed
  bool past = false, future = false;  // times: the year 1970, the year 9000 are taken
  std::string why;                    // it is free
  std::set<std::string> only = {};    // posts that may set it; empty: all that may call
};
using FieldRules = std::map<std::string, FieldRule>;  // by "Message.field"

inline FieldRule Words(int most, bool personal = false) {
  return {.kind = FieldRule::Kind::kWords, .most = most, .personal = personal};
}
inline FieldRule Id() { return {.kind = FieldRule::Kind::kId}; }
// Of another system: any letters, and nobody's number.
inline FieldRule Reference() { return {.kind = FieldRule::Kind::kReference}; }
inline FieldRule Name() { return {.kind = FieldRule::Kind::kName}; }  // refused as one that is not there
inline FieldRule Etag() { return {.kind = FieldRule::Kind::kEtag}; }  // or lost the race
inline FieldRule ObjectKey() { return {.kind = FieldRule::Kind::kObjectKey}; }
inline FieldRule Number(int64_t least, int64_t most) {
  return {.kind = FieldRule::Kind::kNumber, .least = least, .most = most};
}
inline FieldRule Degrees(int most) { return {.kind = FieldRule::Kind::kDegrees, .most = most}; }
inline FieldRule Value() { return {.kind = FieldRule::Kind::kValue}; }
inline FieldRule Flag() { return {.kind = FieldRule::Kind::kFlag}; }
inline FieldRule Time(bool past, bool future) {
  return {.kind = FieldRule::Kind::kTime, .past = past, .future = future};
}
inline FieldRule Digest() { return {.kind = FieldRule::Kind::kDigest}; }
inline FieldRule List(int most) { return {.kind = FieldRule::Kind::kList, .most = most}; }
// A sender has no business to say it: refused whatever it is, and not set by a valid request.
inline FieldRule Never() { return {.kind = FieldRule::Kind::kNever}; }
// And what only a ticket says of an attachment (runtime/objects/attachments.h).
inline FieldRules AndTickets(FieldRules rules) {
  for (const char* field : {"ticket", "width_px", "height_px", "length_ms", "perceptual_hash", "taken_location", "link",
                            "thumbnail_link", "links_expire_at"})
    rules[std::string("Attachment.") + field] = Never();
  return rules;
}
// Not tried but for its form, for a reason.
inline FieldRule Free(std::string why) { return {.kind = FieldRule::Kind::kFree, .why = std::move(why)}; }
inline FieldRule Only(std::set<std::string> posts, FieldRule rule) {
  rule.only = std::move(posts);
  return rule;
}

struct RequestCase {
  std::string method;
  ActorView actor;
  std::string time;  // business time, RFC 3339
  // A request that is accepted, of which every field is set; each time of something that was not used up. A request_id
  // is put in by itself.
  std::function<std::unique_ptr<google::protobuf::Message>()> valid;
  std::set<std::string> unset = {};  // fields that a valid request cannot have beside the others
};

std::vector<std::string> WrongAnswersToFields(ServiceForTests& service, const std::string& rpcs,
                                              const FieldRules& rules, const std::vector<RequestCase>& cases);

// The same where the service is no ServiceForTests, and so without a look at its log.
struct LogForTests {
  std::function<std::string()> request_id, bytes;
  std::function<int64_t()> facts;                                       // published so far
  std::function<std::string(const std::string& subject)> person_token;  // under which a log may know a subject
};
std::vector<std::string> WrongAnswersToFields(const TriedService& service, const LogForTests& log,
                                              const std::string& rpcs, const FieldRules& rules,
                                              const std::vector<RequestCase>& cases);

}  // namespace civicmesh
