// civicmesh-media: takes in photos and recordings. Flags as run_service.h, and
//
//   --objects_url=http://127.0.0.1:8333   the object store, as this process reaches it
//   --decoder=…/civicmesh-decode          beside this program, where nothing is said
//   --transcriber=http://…                who listens to recordings (transcriber.h); nobody, where nothing is said
//
// and the variables of services/runtime/objects/attachments.h; CIVICMESH_OBJECTS_UPLOADS ("ACCESSKEY:SECRET", may only
// put raw/… into what is incoming) and CIVICMESH_OBJECTS_MEDIA (may all in both buckets).
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <vector>

#include "absl/flags/flag.h"
#include "services/media/looked_at.h"
#include "services/media/media_process.h"
#include "services/media/transcriber.h"
#include "services/runtime/base/log.h"
#include "services/runtime/base/names.h"
#include "services/runtime/base/secrets.h"
#include "services/runtime/hotstate/redis_once.h"
#include "services/runtime/journal/kafka_group_reader.h"
#include "services/runtime/journal/kafka_journal.h"
#include "services/runtime/objects/s3_object_store.h"
#include "services/runtime/rpc/people.h"
#include "services/runtime/rpc/service_flags.h"
#include "services/runtime/shard/reference_reader.h"

namespace {

std::string TextOf(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

}  // namespace

ABSL_FLAG(std::string, objects_url, TextOf("CIVICMESH_OBJECTS_URL"), "the object store, as http://127.0.0.1:8333");
ABSL_FLAG(std::string, decoder, TextOf("CIVICMESH_DECODER"), "the program civicmesh-decode");
ABSL_FLAG(std::string, transcriber, TextOf("CIVICMESH_TRANSCRIBER"), "the address of who listens to recordings");

namespace {

using civicmesh::S3Login;
using civicmesh::SigningKeys;

constexpr const char* kSources[] = {"intake", "dispatch"};
constexpr int64_t kTickNanos = 100 * 1000 * 1000;
constexpr absl::Duration kDrainPatience = absl::Seconds(10);

absl::StatusOr<S3Login> LoginOf(const std::string& variable) {
  auto text = civicmesh::SecretFromEnvironment(variable);
  if (!text.ok()) return text.status();
  auto login = civicmesh::ParseS3Login(*text);
  if (!login.ok()) return absl::InvalidArgumentError(variable + ": " + std::string(login.status().message()));
  return login;
}

std::string DecoderProgram() {
  if (std::string given = absl::GetFlag(FLAGS_decoder); !given.empty()) return given;
  std::error_code none;
  return std::filesystem::read_symlink("/proc/self/exe", none).replace_filename("civicmesh-decode");
}

// All but the store.
absl::StatusOr<civicmesh::media::UploadParts> PartsFromEnvironment(civicmesh::Http* http) {
  auto attachments = civicmesh::Attachments::FromEnvironment();
  auto claims = SigningKeys::FromEnvironment("CIVICMESH_MEDIA_TICKET_KEYS", "upload claim");
  auto poster = LoginOf("CIVICMESH_OBJECTS_UPLOADS");
  for (const absl::Status& status : {attachments.status(), claims.status(), poster.status()})
    if (!status.ok()) return status;
  if (claims->empty()) return absl::InvalidArgumentError("CIVICMESH_MEDIA_TICKET_KEYS is not set");
  if (absl::GetFlag(FLAGS_objects_url).empty()) return absl::InvalidArgumentError("--objects_url is missing");
  const civicmesh::media::DecoderOptions decoder{.program = DecoderProgram()};
  if (access(decoder.program.c_str(), X_OK) != 0)
    return absl::InvalidArgumentError("there is no decoder " + decoder.program);
  // Whether it runs here at all, and may shut itself in; that this is no picture is the answer wanted.
  if (auto tried = civicmesh::media::DecodePicture(decoder, "\xff\xd8\xff\xe0 begins as a JPEG does", "image/jpeg");
      !tried.ok())
    return tried.status();
  civicmesh::media::UploadParts parts{
      .claims = *std::move(claims),
      .attachments = *attachments,
      .public_place = (*attachments)->public_place(),
      .poster = *std::move(poster),
      .decode = [decoder](const std::string& file,
                          const std::string& type) { return civicmesh::media::LookAt(decoder, file, type); },
      .now = absl::Now};
  if (const std::string url = absl::GetFlag(FLAGS_transcriber); !url.empty())
    parts.transcribe = [http, url](const std::string& voice) {
      return civicmesh::media::Transcribe(*http, url, voice);
    };
  return parts;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace civicmesh;
  if (auto begun = BeginService(argc, argv, "media"); !begun.ok()) return RefuseToStart(begun);
  Http http;
  auto parts = PartsFromEnvironment(&http);
  auto login = LoginOf("CIVICMESH_OBJECTS_MEDIA");
  for (const absl::Status& status : {parts.status(), login.status()})
    if (!status.ok()) return RefuseToStart(status);
  S3ObjectStore store({absl::GetFlag(FLAGS_objects_url), parts->public_place.region}, *login, absl::Now);
  parts->store = &store;

  std::vector<std::unique_ptr<KafkaGroupReader>> readers;
  std::vector<std::unique_ptr<KafkaJournal>> journals;
  std::vector<std::unique_ptr<LogReader>> ends;
  std::vector<media::Keeper::Source> sources;
  for (const char* domain : kSources) {
    KafkaOptions kafka = KafkaFromFlags(domain);
    kafka.patience = kUnwaitedFor;
    if (auto topics = CheckTopicsPatiently(kafka); !topics.ok()) return RefuseToStart(topics);
    readers.push_back(std::make_unique<KafkaGroupReader>(kafka, PolicyGroup("media", domain)));
    ends.push_back(journals.emplace_back(std::make_unique<KafkaJournal>(kafka))->NewReader());
    sources.push_back({domain, readers.back().get(), ends.back().get(), kafka.shards});
  }
  const ProcessOptions options = OptionsFromFlags();
  KafkaJournal reference_journal(ReferenceFromFlags());
  ReferenceLibrary library(WithRoster({}));
  const ReferenceReader reference_reader(&reference_journal, &library);
  const std::vector<std::string> redis = RedisFromFlags();
  const auto once = redis.empty() ? nullptr : std::make_unique<RedisOnce>(redis, RedisLoginFromFlags());
  auto process = media::MediaProcess::Start(options, *parts, sources, &library, once.get());
  if (!process.ok()) return RefuseToStart(process.status());
  Log(Severity::kInfo, "started", {{"listen", options.listen}});

  while (!WaitForStop(kTickNanos)) (*process)->Tick();
  Log(Severity::kInfo, "drains");
  (*process)->Drain(kDrainPatience);
  Log(Severity::kInfo, "stopped");
  // Clients' threads may hang in a broker that is away; nothing is left to be kept.
  _exit(0);
}
