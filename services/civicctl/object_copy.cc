#include "services/civicctl/object_copy.h"

#include <fstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "services/civicctl/copy_files.h"
#include "services/civicctl/text_output.h"
#include "services/runtime/objects/buckets.h"

namespace civicmesh::civicctl {
namespace {

constexpr int kPage = 1000;

struct Found {
  std::string bucket, key;
  int64_t size;
};

std::string NameOf(const CopiedObject& object) { return absl::StrCat(object.bucket, "/", object.key); }

// The store's own words say neither what was asked nor of which object.
absl::Status About(const std::string& what, const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat(what, ": ", std::string(status.message())));
}

absl::StatusOr<std::vector<ObjectStore::Listed>> ListPage(ObjectStore& store, const std::string& bucket,
                                                          const std::string& after, int max) {
  auto page = store.List(bucket, "", after, max);
  if (absl::IsNotFound(page.status()))
    return absl::FailedPreconditionError(absl::StrCat("the object store has no bucket ", bucket));
  if (!page.ok()) return About(absl::StrCat("the object store's ", bucket), page.status());
  return page;
}

absl::StatusOr<std::vector<Found>> ListAll(ObjectStore& store) {
  std::vector<Found> found;
  for (const std::string bucket : kBuckets) {
    std::string after;
    for (bool more = true; more;) {
      auto page = ListPage(store, bucket, after, kPage);
      if (!page.ok()) return page.status();
      more = static_cast<int>(page->size()) == kPage;
      for (const auto& object : *page) {
        after = object.key;
        if (!object.key.starts_with(kHeard)) found.push_back({bucket, object.key, object.size});
      }
    }
  }
  return found;
}

absl::Status CopyOne(ObjectStore& store, const Found& object, ObjectWriter& writer) {
  if (auto begun = writer.Begin(object.bucket, object.key); !begun.ok()) return begun;
  const auto facts = store.Read(object.bucket, object.key, [&](std::string_view piece) { return writer.Add(piece); });
  if (facts.ok()) return writer.End(*facts);
  if (absl::IsNotFound(facts.status())) return writer.Drop();  // deleted meanwhile
  return About(absl::StrCat(object.bucket, "/", object.key), facts.status());
}

absl::Status WriteOne(ObjectStore& store, const std::string& folder, const CopiedObject& object) {
  std::ifstream from(ObjectFile(folder, object), std::ios::binary);
  const auto written = store.Write(object.bucket, object.key, object.facts, from, object.size);
  return written.ok() ? written : About(NameOf(object), written);
}

absl::Status CompareOne(ObjectStore& store, const CopiedObject& object) {
  Sha256Sum sum;
  const auto facts = store.Read(object.bucket, object.key, [&](std::string_view piece) {
    sum.Add(piece);
    return absl::OkStatus();
  });
  if (!facts.ok()) return About(NameOf(object), facts.status());
  if (sum.Hex() != object.sha256 || *facts != object.facts)
    return absl::DataLossError(absl::StrCat(NameOf(object), " came out of the store otherwise than it went in"));
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckStore(ObjectStore& store) {
  for (const char* bucket : kBuckets)
    if (auto page = ListPage(store, bucket, "", 1); !page.ok()) return page.status();
  return absl::OkStatus();
}

absl::Status CheckEmpty(ObjectStore& store) {
  for (const char* bucket : kBuckets) {
    auto page = ListPage(store, bucket, "", 1);
    if (!page.ok()) return page.status();
    if (!page->empty())
      return absl::FailedPreconditionError(
          absl::StrCat("the object store's ", bucket, " is not empty: a backup is restored into a new one"));
  }
  return absl::OkStatus();
}

std::string SizeText(int64_t objects, int64_t bytes) { return absl::StrCat(objects, " objects, ", bytes, " bytes"); }

absl::Status CopyObjects(ObjectStore& store, ObjectWriter& writer) {
  auto found = ListAll(store);
  if (!found.ok()) return found.status();
  int64_t bytes = 0;
  for (const Found& object : *found) bytes += object.size;
  Progress progress("copying objects", bytes);
  for (const Found& object : *found) {
    if (auto copied = CopyOne(store, object, writer); !copied.ok()) return copied;
    progress.Add(object.size);
  }
  return absl::OkStatus();
}

absl::Status RestoreObjects(ObjectStore& store, const std::string& folder, const std::vector<CopiedObject>& objects) {
  int64_t bytes = 0;
  for (const CopiedObject& object : objects) bytes += object.size;
  {
    Progress progress("writing objects", bytes);
    for (const CopiedObject& object : objects) {
      if (auto written = WriteOne(store, folder, object); !written.ok()) return written;
      progress.Add(object.size);
    }
  }
  Progress progress("reading them back", bytes);
  for (const CopiedObject& object : objects) {
    if (auto same = CompareOne(store, object); !same.ok()) return same;
    progress.Add(object.size);
  }
  return absl::OkStatus();
}

}  // namespace civicmesh::civicctl
