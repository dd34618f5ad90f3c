// Attachments that were uploaded to this city, in what a domain decides (proto/civicmesh/type/v1/type.proto).
#pragma once

#include <string_view>

namespace civicmesh {

// What their uri begins with; all others name something in a sender's own store.
inline constexpr std::string_view kUploads = "uploads/";

// Names them in a public event with a field `uploads`, from which media knows that they are used.
template <typename Attachments, typename Event>
void AddUploads(const Attachments& attachments, Event* event) {
  for (const auto& one : attachments)
    if (std::string_view(one.uri()).substr(0, kUploads.size()) == kUploads) event->add_uploads(one.uri());
}

}  // namespace civicmesh
