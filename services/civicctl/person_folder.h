// The folder that one person's copy comes in, for its owner alone:
//
//   index.json            what there is, under headings in Chinese and English; what could not be had, and why
//   reports.json, …       a part each: what the services answered, as the door says it in JSON
//   files/u-….jpg         photos and recordings, under the names by which the parts call them
//
// It is made under another name beside it and gets its own once it is whole, so there is none that looks complete and
// is not. Errors name the file.
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "google/protobuf/message.h"

namespace civicmesh::civicctl {

// A message as the door answers it.
nlohmann::ordered_json JsonOf(const google::protobuf::Message& message);

struct PersonPart {
  const char* file;
  const char* zh;
  const char* en;
};

struct PersonFile {
  std::string file;    // "files/u-….jpg"
  std::string report;  // "reports/{report}" that it belongs to
  std::string kind;
  int64_t size = 0;
  std::string sha256;    // in hex
  bool checked = false;  // it is the digest that the report says
};

struct NotHad {
  std::string what;
  const char* zh;
  const char* en;
};

class PersonFolder {
 public:
  // FAILED_PRECONDITION: there is something already. UNAVAILABLE: it cannot be made.
  static absl::StatusOr<std::unique_ptr<PersonFolder>> Create(std::string folder);
  // What was not finished is removed.
  ~PersonFolder();

  // Where `file` is to be written.
  std::string PathOf(const std::string& file) const { return unfinished_ + "/" + file; }

  absl::Status AddPart(const PersonPart& part, const nlohmann::ordered_json& entries);
  void AddFile(PersonFile file) { files_.push_back(std::move(file)); }
  void AddNotHad(NotHad not_had) { not_had_.push_back(std::move(not_had)); }
  const std::vector<PersonFile>& files() const { return files_; }
  const std::vector<NotHad>& not_had() const { return not_had_; }
  // Of each part, in the order in which they were added.
  const std::vector<std::pair<PersonPart, size_t>>& parts() const { return parts_; }

  // Writes the index, has all of it on the disk, and gives the folder its name.
  absl::Status Finish(const std::string& made_at, const std::string& person_token);

 private:
  PersonFolder(std::string folder, std::string unfinished);
  absl::Status Write(const std::string& file, const nlohmann::ordered_json& content);
  nlohmann::ordered_json Index(const std::string& made_at, const std::string& person_token) const;

  const std::string folder_, unfinished_;
  bool finished_ = false;
  std::vector<std::pair<PersonPart, size_t>> parts_;
  std::vector<PersonFile> files_;
  std::vector<NotHad> not_had_;
};

}  // namespace civicmesh::civicctl
