#include "services/civicctl/load.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <ostream>
#include <set>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "services/civicctl/connection.h"
#include "services/civicctl/domains.h"
#include "services/civicctl/door.h"
#include "services/civicctl/keys.h"
#include "services/civicctl/reference_contents.h"
#include "services/civicctl/reference_topic.h"
#include "services/civicctl/text_output.h"

namespace civicmesh::civicctl {
namespace {

using runtime::v1::ActiveReference;
using runtime::v1::GetShardsResponse;

constexpr int64_t kFromTheBeginningMs = 946'656'000'000;  // 2000-01-01 00:00, Asia/Shanghai
// A service refuses less than one minute; the calls take some time too.
constexpr int64_t kAheadMs = 2 * 60 * 1000;
constexpr absl::Duration kPatience = absl::Seconds(60);
constexpr absl::Duration kAnswerPatience = absl::Seconds(10);  // where nobody has answered at all
constexpr absl::Duration kPause = absl::Milliseconds(100);

struct Options {
  KafkaPlace kafka;
  std::string door;
  std::string keys;
  ContentSources sources;
};

int64_t ToMs(const google::protobuf::Timestamp& time) { return time.seconds() * 1000 + time.nanos() / 1'000'000; }

// What the replicas that answered said of each shard; a shard counts as known once one of them serves it.
struct ServiceView {
  std::map<int, runtime::v1::Shard> serving;
  int shards = 0;
  bool driven_clock = false;

  void Take(const GetShardsResponse& response) {
    shards = response.shards_size();
    driven_clock = response.driven_clock();
    for (const auto& shard : response.shards())
      if (shard.serving()) serving[shard.shard()] = shard;
  }
  bool complete() const { return shards > 0 && static_cast<int>(serving.size()) == shards; }
};

// The version of the kind that was activated last; null where there is none.
const ActiveReference* LastOf(const runtime::v1::Shard& shard, const std::string& kind) {
  const ActiveReference* last = nullptr;
  for (const ActiveReference& active : shard.references())
    if (active.kind() == kind) last = &active;
  return last;
}

// From when it holds in the shards that have `content` as their last version, and how many those are.
struct Held {
  int shards = 0;
  bool any_version = false;
  int64_t from_ms = 0;
};

Held HowHeld(const ServiceView& view, const Content& content) {
  Held held;
  for (const auto& [number, shard] : view.serving) {
    const ActiveReference* last = LastOf(shard, content.kind);
    if (last == nullptr) continue;
    held.any_version = true;
    if (last->sha256() != content.sha256) continue;
    ++held.shards;
    held.from_ms = ToMs(last->valid_from());
  }
  return held;
}

int64_t ValidFrom(const ServiceView& view, const Held& held) {
  if (held.shards > 0) return held.from_ms;  // the other shards get the very same activation
  if (!held.any_version) return kFromTheBeginningMs;
  int64_t now_ms = view.driven_clock ? kFromTheBeginningMs : absl::ToUnixMillis(absl::Now());
  for (const auto& [number, shard] : view.serving) now_ms = std::max(now_ms, ToMs(shard.now()));
  return now_ms + kAheadMs;
}

class Loading {
 public:
  Loading(Door& door, const Contents& contents) : door_(door), contents_(contents) {}

  absl::Status Run(std::ostream& out) {
    for (const Domain& domain : Domains()) {
      if (domain.references.empty()) continue;
      auto loaded = LoadInto(domain);
      if (absl::IsNotFound(loaded)) {
        out << domain.name << " is not behind this door: left out\n";
        continue;
      }
      if (!loaded.ok()) return loaded;
    }
    if (table_.empty()) return absl::NotFoundError("none of the services that decide by reference data is there");
    table_.Print(out);
    return absl::OkStatus();
  }

 private:
  // Waits until every shard is served and `enough`; a replica tells only of the shards that it serves.
  template <typename Enough>
  absl::StatusOr<ServiceView> Await(const std::string& service, Enough enough) {
    const absl::Time begun = absl::Now();
    ServiceView view;
    while (true) {
      auto response = door_.Shards(service);
      if (!response.ok() && !absl::IsUnavailable(response.status())) return response.status();
      if (response.ok()) view.Take(*response);
      if (view.complete() && enough(view)) return view;
      const absl::Duration waited = absl::Now() - begun;
      if (waited > (view.shards == 0 ? kAnswerPatience : kPatience))
        return response.ok() ? Waiting(service, view) : response.status();
      absl::SleepFor(kPause);
    }
  }

  static absl::Status Waiting(const std::string& service, const ServiceView& view) {
    return absl::UnavailableError(
        absl::StrCat(service, ": ", view.serving.size(), " of ", view.shards,
                     " shards are served, or not all have taken the reference data yet; see its log, then load again"));
  }

  absl::Status LoadInto(const Domain& domain) {
    auto before = Await(domain.name, [](const ServiceView&) { return true; });
    if (!before.ok()) return before.status();
    std::set<std::string> activated;
    std::vector<const Content*> wanted;
    for (const Content& content : contents_.all) {
      if (!domain.references.count(content.kind)) continue;
      wanted.push_back(&content);
      const Held held = HowHeld(*before, content);
      if (held.shards == before->shards) continue;
      auto asked = Activate(domain.name, content, ValidFrom(*before, held));
      if (!asked.ok()) return asked;
      activated.insert(content.kind);
    }
    auto after = Await(domain.name, [&](const ServiceView& view) {
      return std::all_of(wanted.begin(), wanted.end(),
                         [&](const Content* c) { return HowHeld(view, *c).shards == view.shards; });
    });
    if (!after.ok()) return after.status();
    for (const Content* content : wanted) {
      const Held held = HowHeld(*after, *content);
      table_.Add({domain.name, content->kind, content->version, content->about,
                  absl::StrCat(held.shards, "/", after->shards),
                  held.from_ms == kFromTheBeginningMs ? "the beginning" : TimeText(held.from_ms),
                  activated.count(content->kind) ? "activated" : "held already"});
    }
    return absl::OkStatus();
  }

  absl::Status Activate(const std::string& service, const Content& content, int64_t from_ms) {
    runtime::v1::ActivateReferenceRequest request;
    request.set_service(service);
    request.set_kind(content.kind);
    request.set_version(content.version);
    request.set_sha256(content.sha256);
    request.mutable_valid_from()->set_seconds(from_ms / 1000);
    request.mutable_valid_from()->set_nanos(static_cast<int>(from_ms % 1000) * 1'000'000);
    return door_.Activate(request);
  }

  Door& door_;
  const Contents& contents_;
  Table table_{{"service", "kind", "version", "holds", "shards", "from", ""}};
};

absl::Status Load(const Options& options, std::ostream& out) {
  auto contents = ReadContents(options.sources);
  if (!contents.ok()) return contents.status();
  auto token = MintToken(options.keys, {.subject = kToolSubject, .roles = {}, .unit = "", .hours = 1});
  if (!token.ok()) return token.status();
  auto door = Door::Open(options.door, *token);
  if (!door.ok()) return door.status();
  for (const std::string& note : contents->notes) out << note << "\n";
  auto published = PublishContents(options.kafka.Reference(), contents->all);
  if (!published.ok()) return published.status();
  out << "reference topic: " << *published << " contents published, " << contents->all.size() - *published
      << " there already\n";
  return Loading(**door, *contents).Run(out);
}

}  // namespace

namespace {

// Of what every service reads: FILE holds once it is published.
Command PublishCommand(const char* name, const char* about, const char* file,
                       absl::StatusOr<Content> (*read)(const std::string& path)) {
  return {name, about, [name, file, read](CLI::App& app) {
            struct Options {
              KafkaPlace kafka;
              std::string file;
            };
            auto options = std::make_shared<Options>();
            AddBrokers(app, options->kafka);
            app.add_option("FILE", options->file, file)->required();
            return [options, name, read](std::ostream& out) -> absl::Status {
              auto content = read(options->file);
              if (!content.ok()) return content.status();
              auto published = PublishContents(options->kafka.Reference(), {*content});
              if (!published.ok()) return published.status();
              out << name << " " << content->version << ", " << content->about
                  << (*published ? ": published, and holds" : ": holds already") << "\n";
              return absl::OkStatus();
            };
          }};
}

}  // namespace

Command RosterCommand() {
  return PublishCommand("roster", "publish who holds which post; it holds from then on", "as deploy/sample/roster.json",
                        ReadRoster);
}

Command RevocationsCommand() {
  return PublishCommand("revocations", "publish which tokens are good no more, in place of the list before",
                        "reference.v1.Revocations as JSON", ReadRevocations);
}

Command QuotasCommand() {
  return PublishCommand("quotas", "publish how often single agencies may ask, in place of the list before",
                        "reference.v1.AgencyQuotas as JSON", ReadAgencyQuotas);
}

Command LoadCommand() {
  return {"load", "publish the district's reference data and make it hold", [](CLI::App& app) {
            auto options = std::make_shared<Options>();
            AddBrokers(app, options->kafka);
            app.add_option("--door", options->door, "the door, as http://127.0.0.1:8311")->required();
            app.add_option("--keys", options->keys, "the folder that `civicctl keys` filled")->required();
            app.add_option("--sample", options->sources.folder, "the folder with the district, as deploy/sample")
                ->required();
            app.add_option("--standard", options->sources.standard,
                           "a published standard (CSV) instead of the folder's");
            app.add_option("--mapping", options->sources.mapping,
                           "how it is led to the district; the folder's mapping.json");
            return [options](std::ostream& out) { return Load(*options, out); };
          }};
}

}  // namespace civicmesh::civicctl
