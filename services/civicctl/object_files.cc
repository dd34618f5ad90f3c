#include "services/civicctl/object_files.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "services/civicctl/copy_files.h"
#include "services/runtime/objects/buckets.h"

namespace civicmesh::civicctl {
namespace {

namespace fs = std::filesystem;

constexpr int kFormat = 1;
constexpr char kManifest[] = "manifest.json";
constexpr int kDepthOfOne = 2;  // within the manifest's {"objects": [

std::string Copy(const std::string& folder) { return folder + "/objects"; }
std::string NameOf(const CopiedObject& object) { return absl::StrCat(object.bucket, "/", object.key); }

// Nothing that is hidden, leads elsewhere, or has to be quoted.
bool CanBeFile(const std::string& key) {
  const auto good = [](char c) { return absl::ascii_isalnum(c) || c == '.' || c == '_' || c == '-'; };
  const std::vector<std::string> parts = absl::StrSplit(key, '/');
  return std::all_of(parts.begin(), parts.end(), [&](const std::string& part) {
    return !part.empty() && part.front() != '.' && std::all_of(part.begin(), part.end(), good);
  });
}

bool IsOurs(const CopiedObject& object) {
  return std::count(std::begin(kBuckets), std::end(kBuckets), object.bucket) == 1 && CanBeFile(object.key);
}

nlohmann::json ToJson(const CopiedObject& object) {
  return {{"bucket", object.bucket},
          {"key", object.key},
          {"size", object.size},
          {"sha256", object.sha256},
          {"content_type", object.facts.content_type},
          {"metadata", object.facts.metadata}};
}

CopiedObject FromJson(const nlohmann::json& one) {
  return {.bucket = one.at("bucket"),
          .key = one.at("key"),
          .size = one.at("size"),
          .sha256 = one.at("sha256"),
          .facts = {.content_type = one.at("content_type"), .metadata = one.at("metadata")}};
}

// Takes the objects out as they are parsed: the whole as JSON would be several times as large.
absl::StatusOr<std::vector<CopiedObject>> ReadManifest(const std::string& path) {
  std::vector<CopiedObject> objects;
  const auto take = [&](int depth, nlohmann::json::parse_event_t event, nlohmann::json& parsed) {
    if (event != nlohmann::json::parse_event_t::object_end || depth != kDepthOfOne) return true;
    objects.push_back(FromJson(parsed));
    return false;
  };
  try {
    std::ifstream file(path, std::ios::binary);
    const nlohmann::json rest = nlohmann::json::parse(file, take);
    if (rest.at("format") != kFormat)
      return absl::FailedPreconditionError(
          absl::StrCat(path, " has format ", rest.at("format").dump(), ", this civicctl reads ", kFormat));
    return objects;
  } catch (const nlohmann::json::exception& wrong) {
    return Damaged(path, wrong.what());
  }
}

}  // namespace

bool HasObjects(const std::string& folder) { return fs::exists(Copy(folder)); }

std::string ObjectFile(const std::string& folder, const CopiedObject& object) {
  return absl::StrCat(Copy(folder), "/", NameOf(object));
}

struct ObjectWriter::Impl {
  std::string folder;
  NewFile manifest;
  std::string sums;
  CopiedObject object;  // that is being written
  std::unique_ptr<NewFile> file;
  int64_t objects = 0, bytes = 0;
};

ObjectWriter::ObjectWriter(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ObjectWriter::~ObjectWriter() = default;
int64_t ObjectWriter::objects() const { return impl_->objects; }
int64_t ObjectWriter::bytes() const { return impl_->bytes; }

absl::StatusOr<std::unique_ptr<ObjectWriter>> ObjectWriter::Create(const std::string& folder) {
  auto impl = std::make_unique<Impl>();
  impl->folder = folder;
  if (mkdir(Copy(folder).c_str(), S_IRWXU) != 0) return Trouble("make", Copy(folder));
  if (auto opened = impl->manifest.Open(absl::StrCat(Copy(folder), "/", kManifest)); !opened.ok()) return opened;
  if (auto begun = impl->manifest.Write("{\n \"objects\": ["); !begun.ok()) return begun;
  return std::unique_ptr<ObjectWriter>(new ObjectWriter(std::move(impl)));
}

absl::Status ObjectWriter::Begin(const std::string& bucket, const std::string& key) {
  impl_->object = {.bucket = bucket, .key = key};
  if (!IsOurs(impl_->object))
    return absl::InvalidArgumentError(
        absl::StrCat(bucket, " has an object \"", key, "\", which cannot be a file of that name"));
  const std::string path = ObjectFile(impl_->folder, impl_->object);
  const std::string within = path.substr(Copy(impl_->folder).size() + 1);
  if (auto made = MakeFolders(Copy(impl_->folder), within.substr(0, within.rfind('/'))); !made.ok()) return made;
  impl_->file = std::make_unique<NewFile>();
  return impl_->file->Open(path);
}

absl::Status ObjectWriter::Add(std::string_view piece) { return impl_->file->Write(piece); }

absl::Status ObjectWriter::End(const ObjectFacts& facts) {
  CopiedObject& object = impl_->object;
  auto sum = impl_->file->Close(NewFile::When::kLater);
  if (!sum.ok()) return sum.status();
  object.size = impl_->file->size();
  object.sha256 = *sum;
  object.facts = facts;
  impl_->sums += SumsLine(NameOf(object), object.sha256);
  impl_->bytes += object.size;
  return impl_->manifest.Write(absl::StrCat(impl_->objects++ == 0 ? "\n  " : ",\n  ", ToJson(object).dump()));
}

absl::Status ObjectWriter::Drop() {
  impl_->file.reset();
  std::error_code failed;
  fs::remove(ObjectFile(impl_->folder, impl_->object), failed);
  return failed ? Trouble("remove", ObjectFile(impl_->folder, impl_->object)) : absl::OkStatus();
}

absl::Status ObjectWriter::Finish(const std::string& made_at) {
  const auto ended = impl_->manifest.Write(
      absl::StrCat("\n ],\n \"format\": ", kFormat, ",\n \"made_at\": ", nlohmann::json(made_at).dump(), "\n}\n"));
  if (!ended.ok()) return ended;
  const auto sum = impl_->manifest.Close(NewFile::When::kLater);
  if (!sum.ok()) return sum.status();
  if (auto synced = SyncFolder(Copy(impl_->folder)); !synced.ok()) return synced;
  NewFile sums;
  if (auto opened = sums.Open(absl::StrCat(Copy(impl_->folder), "/", kSums)); !opened.ok()) return opened;
  if (auto written = sums.Write(impl_->sums + SumsLine(kManifest, *sum)); !written.ok()) return written;
  return sums.Close(NewFile::When::kOnDisk).status();
}

absl::StatusOr<std::vector<CopiedObject>> CheckObjects(const std::string& folder,
                                                       const std::function<void(int64_t)>& progress) {
  auto sums = ReadSums(Copy(folder));
  if (!sums.ok())
    return absl::FailedPreconditionError(
        absl::StrCat(Copy(folder), " has no objects, or was not finished: no ", kSums));
  for (const auto& [file, sum] : *sums)
    if (auto checked = CheckSum(absl::StrCat(Copy(folder), "/", file), sum, progress); !checked.ok()) return checked;
  const std::string manifest = absl::StrCat(Copy(folder), "/", kManifest);
  const absl::Status disagree = Damaged(manifest, absl::StrCat("it and ", kSums, " do not agree"));
  if (sums->erase(kManifest) == 0) return disagree;
  auto objects = ReadManifest(manifest);
  if (!objects.ok()) return objects;
  for (const CopiedObject& object : *objects) {
    const auto sum = sums->find(NameOf(object));
    if (sum == sums->end() || sum->second != object.sha256 || !IsOurs(object)) return disagree;
    std::error_code failed;
    if (static_cast<int64_t>(fs::file_size(ObjectFile(folder, object), failed)) != object.size) return disagree;
    sums->erase(sum);
  }
  return sums->empty() ? objects : disagree;
}

}  // namespace civicmesh::civicctl
