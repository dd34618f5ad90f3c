// What an installation says of its Open311 API, in a file (JSON):
//
//   {"url": "https://city.example/open311/v2", "type": "production", "changeset": "2026-11-29 12:00",
//    "contact": "…", "key_service": "…", "jurisdiction_id": "city.example",
//    "clients": [{"subject": "app-street", "sha256": "…64 hexadecimal digits…", "reads_own": true}]}
//
// A client is an app, its sha256 that of its api_key: whoever reads the file knows no key. Keys are long random texts
// (`openssl rand -hex 32`), so a plain digest keeps them. A client that is taken out can post no more within
// SettingsFile::kEveryMs. `reads_own`: it may also read back, masked, what it handed in; only for an app that keeps its
// key on a server of its own, for one that ships the key to phones tells it to everybody. `jurisdiction_id` may be
// absent: then any is taken.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"

namespace civicmesh::intake::open311 {

struct Client {
  std::string subject;  // empty: nobody
  bool reads_own = false;
};

struct Settings {
  std::string url, type = "test", changeset, contact, key_service, jurisdiction_id;
  std::map<std::string, Client> clients;  // by the 32 bytes of their keys' digests

  // INVALID_ARGUMENT: no JSON of this kind; the message does not quote it.
  static absl::StatusOr<Settings> Parse(const std::string& text);

  // Whose key it is.
  Client ClientOf(const std::string& api_key) const;
  // Nothing, or this city.
  bool IsHere(const std::string& jurisdiction) const;
};

// Keeps up with the file. Thread-safe; now and then a call blocks for the reading of a small file.
class SettingsFile {
 public:
  static constexpr int64_t kEveryMs = 5000;
  using Read = std::function<std::string()>;

  // Of the file that CIVICMESH_OPEN311 names, or that `path` does. INVALID_ARGUMENT: unusable. None is a city without
  // clients.
  static absl::StatusOr<std::unique_ptr<SettingsFile>> FromEnvironment();
  static absl::StatusOr<std::unique_ptr<SettingsFile>> Open(const std::string& path);
  // `read` brings the file's text.
  SettingsFile(Settings settings, std::string text, Read read);

  // What holds now. A file that has become unusable changes nothing, and the log says so once.
  std::shared_ptr<const Settings> Now(int64_t steady_ms);

 private:
  const Read read_;
  absl::Mutex mutex_;
  std::shared_ptr<const Settings> settings_ ABSL_GUARDED_BY(mutex_);
  std::string text_ ABSL_GUARDED_BY(mutex_);
  int64_t looked_ms_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace civicmesh::intake::open311
