#include "services/civicctl/copy_files.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "services/civicctl/files.h"

namespace civicmesh::civicctl {

absl::Status Damaged(const std::string& path, const std::string& how) {
  return absl::DataLossError(absl::StrCat(path, " is damaged (", how, "): this backup is of no use"));
}

absl::Status Trouble(const std::string& what, const std::string& path) {
  return absl::UnavailableError(absl::StrCat("cannot ", what, " ", path, ": ", std::strerror(errno)));
}

Sha256Sum::Sha256Sum() : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
  EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr);
}

void Sha256Sum::Add(std::string_view bytes) { EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()); }

std::string Sha256Sum::Hex() {
  std::array<unsigned char, 32> digest;
  EVP_DigestFinal_ex(context_.get(), digest.data(), nullptr);
  return absl::BytesToHexString({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

NewFile::~NewFile() {
  if (file_ != nullptr) std::fclose(file_);
}

absl::Status NewFile::Open(std::string path) {
  path_ = std::move(path);
  const int descriptor = open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
  file_ = descriptor < 0 ? nullptr : fdopen(descriptor, "wb");
  return file_ != nullptr ? absl::OkStatus() : Trouble("make", path_);
}

absl::Status NewFile::Write(std::string_view bytes) {
  sum_.Add(bytes);
  size_ += static_cast<int64_t>(bytes.size());
  return std::fwrite(bytes.data(), 1, bytes.size(), file_) == bytes.size() ? absl::OkStatus() : Trouble("write", path_);
}

absl::StatusOr<std::string> NewFile::Close(When when) {
  const bool written = std::fflush(file_) == 0 && (when == When::kLater || fsync(fileno(file_)) == 0);
  if (std::fclose(std::exchange(file_, nullptr)) != 0 || !written) return Trouble("write", path_);
  return sum_.Hex();
}

absl::Status MakeFolders(const std::string& root, const std::string& folder) {
  for (size_t end = 0; end != std::string::npos;) {
    end = folder.find('/', end + 1);
    const std::string path = absl::StrCat(root, "/", folder.substr(0, end));
    if (mkdir(path.c_str(), S_IRWXU) != 0 && errno != EEXIST) return Trouble("make", path);
  }
  return absl::OkStatus();
}

absl::Status SyncFolder(const std::string& folder) {
  const int descriptor = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = descriptor >= 0 && syncfs(descriptor) == 0;
  const absl::Status status = synced ? absl::OkStatus() : Trouble("write", folder);
  if (descriptor >= 0) close(descriptor);
  return status;
}

absl::Status CheckSum(const std::string& path, const std::string& expected,
                      const std::function<void(int64_t)>& progress) {
  const std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(path.c_str(), "rbe"), std::fclose);
  if (!file) return Damaged(path, std::string(Trouble("read", path).message()));
  Sha256Sum sum;
  std::array<char, 1 << 16> part;
  while (const size_t size = std::fread(part.data(), 1, part.size(), file.get())) {
    sum.Add({part.data(), size});
    progress(static_cast<int64_t>(size));
  }
  return sum.Hex() == expected ? absl::OkStatus() : Damaged(path, "its SHA-256 is another");
}

absl::StatusOr<Sums> ReadSums(const std::string& folder) {
  auto text = ReadFile(absl::StrCat(folder, "/", kSums));
  if (!text.ok()) return text.status();
  Sums sums;
  for (absl::string_view line : absl::StrSplit(*text, '\n', absl::SkipEmpty())) {
    const std::pair<std::string, std::string> parts = absl::StrSplit(line, absl::MaxSplits("  ", 1));
    sums[parts.second] = parts.first;
  }
  return sums;
}

std::string SumsLine(const std::string& file, const std::string& sum) { return absl::StrCat(sum, "  ", file, "\n"); }

}  // namespace civicmesh::civicctl
