// Hands a report in (上报) and follows it until a case answers it (受理).
//
//   report_and_follow TEXT LATITUDE LONGITUDE [REQUEST_ID]
//
// The environment: CIVICMESH_DOOR (https://city.example:443), CIVICMESH_TOKEN, CIVICMESH_SERVICE_CONFIG (the
// package's).
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <random>
#include <sstream>
#include <string>
#include <thread>

#include "civicmesh/intake/v1/intake_service.grpc.pb.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace intake = civicmesh::intake::v1;

enum Exit { kDone = 0, kRefused = 1, kUnknown = 2 };

std::string Environment(const char* name, const std::string& otherwise = "") {
  const char* value = std::getenv(name);
  if (!value && otherwise.empty()) std::cerr << name << " is not set\n", std::exit(kRefused);
  return value ? value : otherwise;
}

// A UUIDv7: made anew per intention, kept for every repetition of it.
std::string NewRequestId() {
  std::random_device random;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto ms = static_cast<unsigned long long>(std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
  char text[37];
  std::snprintf(text, sizeof text, "%08llx-%04llx-7%03x-%04x-%04x%08x", ms >> 16, ms & 0xffff, random() & 0xfff,
                0x8000 | (random() & 0x3fff), random() & 0xffff, random());
  return text;
}

std::shared_ptr<grpc::Channel> Connect(const std::string& door) {
  std::ifstream file(Environment("CIVICMESH_SERVICE_CONFIG", SERVICE_CONFIG));
  std::stringstream config;
  config << file.rdbuf();
  grpc::ChannelArguments arguments;
  arguments.SetServiceConfigJSON(config.str());  // deadlines, and retries of what is UNAVAILABLE
  const bool tls = door.rfind("https://", 0) == 0;
  return grpc::CreateCustomChannel(door.substr(door.find("://") + 3),
                                   tls ? grpc::SslCredentials({}) : grpc::InsecureChannelCredentials(), arguments);
}

// Says why a call was not answered as asked, and what to do.
Exit Explain(const std::string& what, const grpc::Status& status) {
  std::cerr << what << ": " << status.error_message() << "\n";
  google::rpc::Status rich;
  rich.ParseFromString(status.error_details());
  google::rpc::ErrorInfo info;
  google::rpc::BadRequest bad;
  google::rpc::LocalizedMessage text;
  for (const auto& detail : rich.details()) {
    if (detail.UnpackTo(&info)) std::cerr << "  " << info.reason() << " (" << info.domain() << ")\n";
    if (detail.UnpackTo(&text)) std::cerr << "  " << text.locale() << ": " << text.message() << "\n";
    if (!detail.UnpackTo(&bad)) continue;
    for (const auto& field : bad.field_violations())
      std::cerr << "  " << field.field() << ": " << field.description() << "\n";
  }
  const bool unknown = status.error_code() == grpc::UNAVAILABLE || status.error_code() == grpc::DEADLINE_EXCEEDED;
  std::cerr << (unknown ? "unknown: ask again with the same request_id" : "refused: nothing happened") << "\n";
  return unknown ? kUnknown : kRefused;
}

int main(int argc, char** argv) {
  if (argc < 4) return std::cerr << "report_and_follow TEXT LATITUDE LONGITUDE [REQUEST_ID]\n", kRefused;
  auto stub = intake::IntakeService::NewStub(Connect(Environment("CIVICMESH_DOOR")));
  const std::string bearer = "Bearer " + Environment("CIVICMESH_TOKEN");

  intake::SubmitReportRequest submit;
  submit.set_request_id(argc > 4 ? argv[4] : NewRequestId());
  submit.set_text(argv[1]);
  submit.mutable_location()->set_latitude(std::atof(argv[2]));
  submit.mutable_location()->set_longitude(std::atof(argv[3]));
  submit.set_source(civicmesh::type::v1::REPORT_SOURCE_HOTLINE_12345);
  std::cout << "request_id " << submit.request_id() << std::endl;

  intake::Report report;
  grpc::ClientContext submitting;
  submitting.AddMetadata("authorization", bearer);
  grpc::Status status = stub->SubmitReport(&submitting, submit, &report);
  if (!status.ok()) return Explain("SubmitReport", status);

  // What was answered RECEIVED is safe, and its receipt tells later what becomes of it.
  intake::GetReportRequest get;
  get.set_name(report.name());
  const auto until = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  for (std::string told; std::chrono::steady_clock::now() < until;
       std::this_thread::sleep_for(std::chrono::milliseconds(500))) {
    if (report.status_zh() + report.receipt() != told)
      std::cout << report.name() << " " << report.status_zh() << " (" << report.status_en() << ")" << std::endl;
    told = report.status_zh() + report.receipt();
    if (!report.case_().empty()) return std::cout << report.case_() << " answers it\n", kDone;
    if (!report.receipt().empty()) get.set_receipt(report.receipt());
    grpc::ClientContext getting;
    getting.AddMetadata("authorization", bearer);
    status = stub->GetReport(&getting, get, &report);
    if (!status.ok()) return Explain("GetReport", status);
  }
  std::cerr << "no case yet; ask for " << report.name() << " later\n";
  return kUnknown;
}
