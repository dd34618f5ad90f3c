// What civicmesh-decode may use up, and what it does without, from before it looks at the file.
#pragma once

#include <cstddef>

namespace civicmesh::media {

inline constexpr size_t kMaxFile = size_t{64} << 20;
inline constexpr size_t kMaxAnswer = size_t{16} << 20;
inline constexpr int kMaxPixels = 50'000'000;
inline constexpr int kMaxSide = 12'000;
inline constexpr int kMinSide = 64;
inline constexpr int kMaxVoiceSeconds = 300;

// Holds for this process and whatever it starts. False: a limit could not be set, and nothing may be decoded.
bool LimitMyself();

}  // namespace civicmesh::media
