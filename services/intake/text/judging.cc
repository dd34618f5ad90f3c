#include "services/intake/text/judging.h"

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "google/protobuf/util/json_util.h"

namespace civicmesh::intake {
namespace {

using nlohmann::json;

absl::StatusOr<std::string> ReadFile(const std::string& file) {
  std::ifstream in(file);
  if (!in) return absl::NotFoundError(absl::StrCat("cannot read ", file));
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

absl::StatusOr<json> ReadJson(const std::string& file) {
  auto text = ReadFile(file);
  if (!text.ok()) return text.status();
  json parsed = json::parse(*text, nullptr, /*allow_exceptions=*/false);
  if (!parsed.is_object()) return absl::InvalidArgumentError(absl::StrCat(file, " is not JSON"));
  return parsed;
}

absl::StatusOr<std::vector<json>> ReadJsonLines(const std::string& file) {
  auto text = ReadFile(file);
  if (!text.ok()) return text.status();
  std::vector<json> lines;
  std::istringstream in(*text);
  for (std::string line; std::getline(in, line);) {
    lines.push_back(json::parse(line, nullptr, /*allow_exceptions=*/false));
    if (!lines.back().is_object())
      return absl::InvalidArgumentError(absl::StrCat(file, ": line ", lines.size(), " is not JSON"));
  }
  return lines;
}

void Count(bool sure, bool right, Tally& tally) { ++(right ? tally.right : sure ? tally.wrong : tally.unsure); }

std::string Percent(int part, int whole) {
  return whole == 0 ? "    -" : absl::StrFormat("%4d%%", (200 * part + whole) / (2 * whole));
}

}  // namespace

absl::StatusOr<reference::v1::Standard> ReadStandard(const std::string& file) {
  auto text = ReadFile(file);
  if (!text.ok()) return text.status();
  reference::v1::Standard standard;
  if (!google::protobuf::util::JsonStringToMessage(*text, &standard).ok())
    return absl::InvalidArgumentError(absl::StrCat(file, " is not a standard"));
  return standard;
}

absl::StatusOr<std::vector<SampleText>> ReadSample(const std::string& reports_file, bool holdback) {
  auto lines = ReadJsonLines(reports_file);
  if (!lines.ok()) return lines.status();
  std::vector<SampleText> texts;
  for (const auto& line : *lines)
    if (line.value("source", "") != "VIDEO" && line.value("holdback", false) == holdback)
      texts.push_back({line.value("text", ""), line.value("class", "")});
  return texts;
}

Judgement JudgeSample(const Classifier& classifier, const std::vector<SampleText>& texts) {
  Judgement judgement;
  for (const auto& one : texts) {
    const std::string proposed = classifier.Propose(one.text).class_code();
    const bool sure = !proposed.empty(), right = proposed == one.minor_class;
    Count(sure, right, judgement.rows[one.minor_class]);
    Count(sure, right, judgement.total);
  }
  return judgement;
}

absl::StatusOr<Judgement> JudgeMessages(const Classifier& classifier, const reference::v1::Standard& standard,
                                        const std::string& mapping_file, const std::string& messages_file) {
  auto mapping = ReadJson(mapping_file);
  if (!mapping.ok()) return mapping.status();
  auto messages = ReadJsonLines(messages_file);
  if (!messages.ok()) return messages.status();
  std::map<std::string, std::string> roles;
  for (const auto& minor : standard.classes()) roles[minor.code()] = minor.unit_role();
  std::map<std::string, std::set<std::string>> wanted;
  for (const auto& [label, department] : (*mapping)["label_departments"].items())
    wanted[label] = department["unit_roles"].get<std::set<std::string>>();

  Judgement judgement;
  for (const auto& message : *messages) {
    const std::string label = message.value("label", "");
    const auto proposal =
        classifier.Propose(absl::StrCat(message.value("subject", ""), "\n", message.value("text", "")));
    const bool sure = !proposal.class_code().empty();
    const bool right = sure && wanted[label].count(roles[proposal.class_code()]) > 0;
    Count(sure, right, judgement.rows[label]);
    Count(sure, right, judgement.total);
  }
  return judgement;
}

std::string TableOf(const Judgement& judgement, const std::map<std::string, std::string>& names) {
  std::string table = "   all  right  wrong  unsure | right of sure  unsure of all |\n";
  const auto row = [&](const Tally& t, const std::string& name) {
    absl::StrAppend(&table,
                    absl::StrFormat("%6d %6d %6d %7d |         %s          %s | ", t.all(), t.right, t.wrong, t.unsure,
                                    Percent(t.right, t.sure()), Percent(t.unsure, t.all())),
                    name, "\n");
  };
  for (const auto& [key, tally] : judgement.rows) {
    auto name = names.find(key);
    row(tally, absl::StrCat(key.empty() ? "(no class)" : key, " ", name == names.end() ? "" : name->second));
  }
  row(judgement.total, "total");
  return table;
}

}  // namespace civicmesh::intake
