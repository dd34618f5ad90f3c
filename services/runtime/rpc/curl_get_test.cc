#include "services/runtime/rpc/curl_get.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace civicmesh {
namespace {

// A certificate for 127.0.0.1 that nobody else vouches for, and its key.
struct Certificate {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* x509 = X509_new();

  Certificate() {
    X509_set_version(x509, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x509), 1);
    X509_gmtime_adj(X509_getm_notBefore(x509), -60);
    X509_gmtime_adj(X509_getm_notAfter(x509), 3600);
    X509_set_pubkey(x509, key);
    X509_NAME* name = X509_get_subject_name(x509);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("ours"), -1, -1, 0);
    X509_set_issuer_name(x509, name);
    X509_EXTENSION* names = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "IP:127.0.0.1");
    X509_add_ext(x509, names, -1);
    X509_EXTENSION_free(names);
    X509_sign(x509, key, EVP_sha256());
  }
  ~Certificate() {
    X509_free(x509);
    EVP_PKEY_free(key);
  }
  void Write(const std::string& path) const {
    FILE* file = std::fopen(path.c_str(), "w");
    PEM_write_X509(file, x509);
    std::fclose(file);
  }
};

// Answers every connection with the same bytes, in TLS where it has a certificate; with nothing where they are empty.
class Server {
 public:
  explicit Server(std::string answer, const Certificate* certificate = nullptr) : answer_(std::move(answer)) {
    signal(SIGPIPE, SIG_IGN);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(listen(listener_, 8), 0);
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    if (certificate) {
      SSL_CTX_use_certificate(tls_, certificate->x509);
      SSL_CTX_use_PrivateKey(tls_, certificate->key);
    }
    encrypted_ = certificate != nullptr;
    thread_ = std::thread([this] { Run(); });
  }
  ~Server() {
    shutdown(listener_, SHUT_RDWR);
    thread_.join();
    close(listener_);
    SSL_CTX_free(tls_);
  }
  std::string url() const { return absl::StrCat(encrypted_ ? "https" : "http", "://127.0.0.1:", port_, "/jwks.json"); }

 private:
  void Run() {
    for (int fd; (fd = accept(listener_, nullptr, nullptr)) >= 0; close(fd)) Serve(fd);
  }
  void Serve(int fd) {
    char asked[4096];
    SSL* tls = encrypted_ ? SSL_new(tls_) : nullptr;
    if (tls) SSL_set_fd(tls, fd);
    if (!tls) (void)!read(fd, asked, sizeof asked);
    if (tls && SSL_accept(tls) == 1) SSL_read(tls, asked, sizeof asked);
    for (size_t sent = 0; sent < answer_.size();) {
      const auto left = static_cast<int>(answer_.size() - sent);
      const ssize_t n =
          tls ? SSL_write(tls, answer_.data() + sent, left) : write(fd, answer_.data() + sent, answer_.size() - sent);
      if (n <= 0) break;
      sent += static_cast<size_t>(n);
    }
    if (answer_.empty()) (void)!read(fd, asked, sizeof asked);  // until the other side has had enough
    if (tls) SSL_free(tls);
  }

  const std::string answer_;
  const int listener_ = socket(AF_INET, SOCK_STREAM, 0);
  SSL_CTX* const tls_ = SSL_CTX_new(TLS_server_method());
  int port_ = 0;
  bool encrypted_ = false;
  std::thread thread_;
};

std::string Ok(const std::string& body) {
  return absl::StrCat("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: ", body.size(), "\r\n\r\n", body);
}

TEST(CurlGetTest, BringsWhatIsThereAgainAndAgain) {
  const Server server(Ok("{}"));
  const auto get = NewCurlGet(server.url());
  for (int i = 0; i < 3; ++i) EXPECT_EQ(get().value_or("nothing"), "{}");
}

TEST(CurlGetTest, TakesNoOtherAnswer) {
  const Server elsewhere(Ok("{}"));
  for (const std::string& answer :
       {std::string("HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\n{}"),
        absl::StrCat("HTTP/1.1 302 Found\r\nlocation: ", elsewhere.url(), "\r\ncontent-length: 2\r\n\r\n{}"),
        Ok(std::string(64 * 1024 + 1, ' ')),
        // Without saying before how much it will be.
        "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n" + std::string(1 << 20, ' ')}) {
    const Server server(answer);
    EXPECT_EQ(NewCurlGet(server.url())().status().code(), absl::StatusCode::kInvalidArgument) << answer.substr(0, 30);
  }
  const Server largest(Ok(std::string(64 * 1024, ' ')));
  EXPECT_TRUE(NewCurlGet(largest.url())().ok());
}

TEST(CurlGetTest, WaitsNotForEver) {
  const Server silent("");
  const absl::Time began = absl::Now();
  EXPECT_EQ(NewCurlGet(silent.url())().status().code(), absl::StatusCode::kUnavailable);
  EXPECT_LT(absl::Now() - began, absl::Seconds(20));
  EXPECT_EQ(NewCurlGet("http://127.0.0.1:1/")().status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(NewCurlGet("file:///etc/hostname")().status().code(), absl::StatusCode::kUnavailable);
}

TEST(CurlGetTest, BelievesNoServerThatNobodyVouchesFor) {
  const Certificate own, other;
  const std::string ours = testing::TempDir() + "/ours.pem", others = testing::TempDir() + "/others.pem";
  own.Write(ours);
  other.Write(others);
  const Server server(Ok("{}"), &own);
  EXPECT_TRUE(NewCurlGet(server.url(), ours)().ok()) << NewCurlGet(server.url(), ours)().status();
  for (const std::string& authorities : {std::string(), others, std::string("/nowhere.pem")})
    EXPECT_EQ(NewCurlGet(server.url(), authorities)().status().code(), absl::StatusCode::kUnavailable) << authorities;
}

}  // namespace
}  // namespace civicmesh
