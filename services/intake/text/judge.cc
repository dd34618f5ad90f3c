// civicmesh-classify-judge: how right the classifier is, by class and by department, and how long it takes.
//
//   civicmesh-classify-judge --sample=deploy/sample [--standard=FILE] [--messages=FILE]
//
// The sample's held-back third judges the sample's own standard. Labelled messages judge whichever standard is given;
// where they are not there, it says so.
#include <cstdio>
#include <cstdlib>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "services/intake/text/judging.h"
#include "services/runtime/personal/utf8.h"

ABSL_FLAG(std::string, sample, "deploy/sample", "the sample's folder");
ABSL_FLAG(std::string, standard, "", "a standard as JSON; empty: the sample's");
ABSL_FLAG(std::string, messages, "", "labelled messages; empty: $CIVICMESH_SHARED/data/messages/labelled.jsonl");

namespace civicmesh::intake {
namespace {

constexpr size_t kLongText = 2000;
constexpr int kRounds = 50;

int Fail(const absl::Status& status) {
  std::fprintf(stderr, "%s\n", std::string(status.message()).c_str());
  return 1;
}

std::string MessagesFile() {
  if (std::string given = absl::GetFlag(FLAGS_messages); !given.empty()) return given;
  const char* shared = std::getenv("CIVICMESH_SHARED");
  return shared ? absl::StrCat(shared, "/data/messages/labelled.jsonl") : "";
}

// On a text as long as a report may be, made from the sample's.
void PrintSpeed(const Classifier& classifier, const std::vector<SampleText>& texts) {
  std::string text;
  for (size_t i = 0; CountCharacters(text) < kLongText; ++i) text += texts[i % texts.size()].text;
  const absl::Time start = absl::Now();
  for (int i = 0; i < kRounds; ++i) classifier.Propose(text);
  std::printf("a text of %zu characters takes %.3f ms\n", CountCharacters(text),
              absl::ToDoubleMilliseconds(absl::Now() - start) / kRounds);
}

int Judge() {
  const std::string sample = absl::GetFlag(FLAGS_sample);
  const std::string file = absl::GetFlag(FLAGS_standard);
  const auto standard = ReadStandard(file.empty() ? absl::StrCat(sample, "/standard.json") : file);
  if (!standard.ok()) return Fail(standard.status());
  const Classifier classifier(*standard);
  std::map<std::string, std::string> names;
  for (const auto& minor : standard->classes()) names[minor.code()] = minor.name_zh();
  const auto held_back = ReadSample(absl::StrCat(sample, "/reports.jsonl"), /*holdback=*/true);
  if (!held_back.ok()) return Fail(held_back.status());
  std::printf("%s by the standard %s, %d classes\n\n", Classifier::kName, standard->version().c_str(),
              standard->classes_size());
  if (file.empty())
    std::printf("The sample's held-back texts, by class\n%s\n",
                TableOf(JudgeSample(classifier, *held_back), names).c_str());
  const std::string messages = MessagesFile();
  if (messages.empty() || !ReadSample(messages, false).ok()) {
    std::printf("Labelled messages: skipped, %s\n\n",
                messages.empty() ? "CIVICMESH_SHARED is not set" : absl::StrCat("cannot read ", messages).c_str());
  } else {
    const auto judged = JudgeMessages(classifier, *standard, absl::StrCat(sample, "/mapping.json"), messages);
    if (!judged.ok()) return Fail(judged.status());
    std::printf("Labelled messages, by department\n%s\n", TableOf(*judged, {}).c_str());
  }
  PrintSpeed(classifier, *held_back);
  return 0;
}

}  // namespace
}  // namespace civicmesh::intake

int main(int argc, char** argv) {
  absl::ParseCommandLine(argc, argv);
  return civicmesh::intake::Judge();
}
