// How right the classifier is on texts whose class is known: for people, and for a test's lower bounds.
//
// Reads files whole; errors say which. Nothing here is used by the service.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "civicmesh/reference/v1/reference.pb.h"
#include "services/intake/text/classifier.h"

namespace civicmesh::intake {

struct Tally {
  int right = 0;
  int wrong = 0;
  int unsure = 0;

  int all() const { return right + wrong + unsure; }
  int sure() const { return right + wrong; }
};

struct Judgement {
  std::map<std::string, Tally> rows;  // by class, or department
  Tally total;
};

// A reference.v1.Standard as JSON.
absl::StatusOr<reference::v1::Standard> ReadStandard(const std::string& file);

struct SampleText {
  std::string text;
  std::string minor_class;  // "" where a clerk would find none: there unsure is right
};
// The texts of a sample's reports.jsonl that people wrote: those held back, or the others.
absl::StatusOr<std::vector<SampleText>> ReadSample(const std::string& reports_file, bool holdback);
Judgement JudgeSample(const Classifier& classifier, const std::vector<SampleText>& texts);

// Messages with a department for a label: right is a class whose unit role counts as that department's
// (mapping.json, label_departments). Subject and text are read together.
absl::StatusOr<Judgement> JudgeMessages(const Classifier& classifier, const reference::v1::Standard& standard,
                                        const std::string& mapping_file, const std::string& messages_file);

// As a table, a row each and the total last; `names` (code to name) may miss some.
std::string TableOf(const Judgement& judgement, const std::map<std::string, std::string>& names);

}  // namespace civicmesh::intake
