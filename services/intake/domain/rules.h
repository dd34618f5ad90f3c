// What the rules of reports and of alerts share. Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "civicmesh/intake/v1/intake_journal.pb.h"
#include "services/runtime/decider/context.h"
#include "services/runtime/decider/decision.h"

namespace civicmesh::intake {

using IntakeDecision = Decision<v1::JournalEvent>;
using IntakeDecided = Decided<v1::JournalEvent>;

// Senders' clocks may be ahead by so much; it then counts as now. Beyond, it is refused.
constexpr int64_t kClockSkewMs = 5 * 60 * 1000;
constexpr int kMaxPhotos = 20;
constexpr int kMaxVoices = 5;

google::protobuf::Timestamp TimeOf(int64_t ms);
int64_t MsOf(const google::protobuf::Timestamp& time);

// "reports/r-…" to "r-…"; empty where the collection is another.
std::string IdOf(std::string_view collection, std::string_view name);

// What an etag of this version is.
std::string EtagOf(uint64_t version);
bool EtagFits(const std::string& etag, uint64_t version);

// An id of another system: at most 64 of A-Z a-z 0-9 . _ : -.
bool IsForeignId(std::string_view id);
bool IsPlace(const type::v1::GeoPoint& point);

// At most so many, each an object key with its digest. `voices`: only KIND_VOICE, else none of it.
using Attachments = google::protobuf::RepeatedPtrField<type::v1::Attachment>;
bool AttachmentsFit(const Attachments& attachments, int most, bool voices);

// `time` as it counts: unset is now, slightly ahead is now. Nullopt: too far ahead, or before 1970.
std::optional<int64_t> CountedTime(bool set, const google::protobuf::Timestamp& time, int64_t now_ms);

// Who acts, for public events: a citizen, who acts on reports of their own alone, as the report's own token says.
std::string ActorName(const ActorView& actor, const std::string& reporter_token);

}  // namespace civicmesh::intake
