// Somebody else's speech recognition, over HTTP: the recording is posted as audio/ogg, the answer is {"text": "…"}.
#pragma once

#include <string>

#include "services/runtime/base/http.h"

namespace civicmesh::media {

// What was heard, at most 4,000 characters of it; "" where the adapter answers anything else, which the log says.
// Blocks for at most 20 s. Any thread.
std::string Transcribe(Http& http, const std::string& url, const std::string& voice);

}  // namespace civicmesh::media
