// A public event as webhooks carry it: CloudEvents 1.0, structured JSON (content type application/cloudevents+json),
// its data the event as proto JSON. Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "services/runtime/journal/journal.h"

namespace civicmesh::webhooks {

// Whether this release knows events of that full name.
bool KnowsEvent(const std::string& type);

// INVALID_ARGUMENT: it is no event that this release knows.
absl::StatusOr<std::string> CloudEventJson(const LogRecord& record);

// The unit that the event's context names; empty where it has none.
std::string UnitOf(const LogRecord& record);

// Until when nobody is to be disturbed with it, by the event's own push_not_before; 0: it says nothing. Milliseconds
// since 1970.
int64_t NotBeforeMs(const LogRecord& record);

// What a receiver checks: "v1," and the base64 of HMAC-SHA-256(secret, "<id>.<seconds>.<body>"), as in the Standard
// Webhooks specification 1.0.
std::string SignatureOf(const std::string& secret, const std::string& id, int64_t seconds, const std::string& body);

}  // namespace civicmesh::webhooks
