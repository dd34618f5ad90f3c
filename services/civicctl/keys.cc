#include "services/civicctl/keys.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "civicmesh/options/v1/options.pb.h"
#include "services/civicctl/files.h"
#include "services/runtime/base/clock.h"
#include "services/runtime/rpc/token_signer.h"

namespace civicmesh::civicctl {
namespace {

constexpr char kKeyFile[] = "signing-key.pem";
constexpr char kKeySetFile[] = "jwks.json";

absl::Status WriteSecret(const std::string& path, const std::string& text) {
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (file < 0) return absl::PermissionDeniedError(absl::StrCat("cannot write ", path, ": ", std::strerror(errno)));
  const bool whole = write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  close(file);
  return whole ? absl::OkStatus() : absl::UnavailableError(absl::StrCat("cannot write ", path, " whole"));
}

absl::StatusOr<TokenSigner> ReadSigner(const std::string& folder) {
  auto pem = ReadFile(absl::StrCat(folder, "/", kKeyFile));
  if (!pem.ok())
    return absl::NotFoundError(absl::StrCat("there is no key in ", folder, "; make one: civicctl keys --out ", folder));
  auto signer = TokenSigner::FromPem(*pem);
  if (!signer.ok())
    return absl::InvalidArgumentError(absl::StrCat(folder, "/", kKeyFile, ": ", signer.status().message()));
  return signer;
}

absl::Status MakeKeys(const std::string& folder, std::ostream& out) {
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  if (failed) return absl::PermissionDeniedError(absl::StrCat("cannot make ", folder, ": ", failed.message()));
  const bool kept = std::filesystem::exists(absl::StrCat(folder, "/", kKeyFile));
  if (!kept) {
    auto written = WriteSecret(absl::StrCat(folder, "/", kKeyFile), TokenSigner::Generate().Pem());
    if (!written.ok()) return written;
  }
  auto signer = ReadSigner(folder);
  if (!signer.ok()) return signer.status();
  auto written = WriteFile(absl::StrCat(folder, "/", kKeySetFile), signer->Jwks() + "\n");
  if (!written.ok()) return written;
  out << (kept ? "kept  " : "made  ") << folder << "/" << kKeyFile << "\nwrote " << folder << "/" << kKeySetFile
      << "\n";
  return absl::OkStatus();
}

absl::Status CheckRoles(const std::vector<std::string>& roles) {
  const auto* known = google::protobuf::GetEnumDescriptor<options::v1::Role>();
  std::vector<std::string> names;
  for (int i = 1; i < known->value_count(); ++i) names.push_back(known->value(i)->name().substr(strlen("ROLE_")));
  for (const std::string& role : roles) {
    if (std::find(names.begin(), names.end(), role) == names.end())
      return absl::InvalidArgumentError(absl::StrCat("no role ", role, "; there are ", absl::StrJoin(names, ", ")));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> MintToken(const std::string& folder, const TokenOrder& order) {
  if (auto roles = CheckRoles(order.roles); !roles.ok()) return roles;
  auto signer = ReadSigner(folder);
  if (!signer.ok()) return signer.status();
  const absl::Time now = Clock::Real()->wall();
  nlohmann::json claims{{"iss", order.issuer},
                        {"aud", order.audience},
                        {"sub", order.subject},
                        {"iat", absl::ToUnixSeconds(now)},
                        {"exp", absl::ToUnixSeconds(now + absl::Hours(order.hours))}};
  if (!order.roles.empty()) claims["roles"] = order.roles;
  if (!order.unit.empty()) claims["unit"] = order.unit;
  return signer->Token(claims.dump());
}

Command KeysCommand() {
  return {"keys", "make a signing key for development, and its key set", [](CLI::App& app) {
            auto folder = std::make_shared<std::string>();
            app.add_option("--out", *folder, "the folder for signing-key.pem and jwks.json")->required();
            return [folder](std::ostream& out) { return MakeKeys(*folder, out); };
          }};
}

Command TokenCommand() {
  return {"token", "mint a development token (JWT) and print it", [](CLI::App& app) {
            struct Options {
              std::string keys;
              TokenOrder order;
            };
            auto options = std::make_shared<Options>();
            TokenOrder& order = options->order;
            app.add_option("--keys", options->keys, "the folder that `civicctl keys` filled")->required();
            app.add_option("--subject", order.subject, "who calls, as staff-7")->required();
            app.add_option("--roles", order.roles,
                           "posts in place of those in the roster, as DISPATCHER,SHIFT_LEADER; only services that take "
                           "development tokens believe it")
                ->delimiter(',');
            app.add_option("--unit", order.unit, "the unit of these posts");
            app.add_option("--hours", order.hours, "how long it is good")
                ->check(CLI::PositiveNumber)
                ->capture_default_str();
            app.add_option("--issuer", order.issuer, "who signs")->capture_default_str();
            app.add_option("--audience", order.audience, "for whom it is")->capture_default_str();
            return [options](std::ostream& out) -> absl::Status {
              auto token = MintToken(options->keys, options->order);
              if (token.ok()) out << *token << "\n";
              return token.status();
            };
          }};
}

}  // namespace civicmesh::civicctl
