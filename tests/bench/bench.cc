// One measurement of tests/bench/run, printed as one line of JSON.
//
//   civicmesh-bench serve-echo --listen unix:/tmp/echo.sock     until it is killed
//   civicmesh-bench echo  --target unix:/tmp/echo.sock --in-flight 256 --seconds 5
//   civicmesh-bench open  --dispatch … --intake … --keys DIR --in-flight 256 --seconds 5 [--one-shard]
//   civicmesh-bench lives --dispatch … --intake … --keys DIR --in-flight 256 --seconds 20
//   civicmesh-bench raw   --kafka 127.0.0.1:9092 --in-flight 256 --seconds 5
//   civicmesh-bench closed-cases --kafka 127.0.0.1:9092 --cases 300000 [--first N]   while dispatch is down
#include <grpcpp/grpcpp.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <nlohmann/json.hpp>

#include "echo_service.grpc.pb.h"
#include "tests/bench/city_load.h"
#include "tests/bench/closed_cases.h"
#include "tests/bench/load.h"
#include "tests/bench/raw_loop.h"

namespace civicmesh::bench {
namespace {

constexpr int kPayload = 300;  // as large as a usual command
constexpr int kChannels = 4;

class EchoHandler : public v1::EchoService::CallbackService {
  grpc::ServerUnaryReactor* Echo(grpc::CallbackServerContext* context, const v1::EchoRequest* request,
                                 v1::EchoResponse* response) override {
    response->set_payload(request->payload());
    auto* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }
};

int ServeEcho(const std::string& listen) {
  EchoHandler service;
  grpc::ServerBuilder builder;
  builder.AddListeningPort(listen, grpc::InsecureServerCredentials());
  builder.RegisterService(&service);
  auto server = builder.BuildAndStart();
  if (!server) return 1;
  server->Wait();
  return 0;
}

Start CallEcho(const std::string& target) {
  auto stubs = std::make_shared<std::vector<std::unique_ptr<v1::EchoService::Stub>>>();
  for (int i = 0; i < kChannels; ++i) {
    grpc::ChannelArguments own;
    own.SetInt("bench.channel", i);
    stubs->push_back(
        v1::EchoService::NewStub(grpc::CreateCustomChannel(target, grpc::InsecureChannelCredentials(), own)));
  }
  return [stubs](int64_t n, Done done) {
    struct Held {
      grpc::ClientContext context;
      v1::EchoRequest request;
      v1::EchoResponse response;
    };
    auto held = std::make_shared<Held>();
    held->request.set_payload(std::string(kPayload, 'x'));
    (*stubs)[n % kChannels]->async()->Echo(&held->context, &held->request, &held->response,
                                           [held, done](grpc::Status status) { done(status); });
  };
}

int Print(const Load& load) {
  nlohmann::json line{{"per_second", load.per_second},
                      {"p50_ms", load.p50_ms},
                      {"p99_ms", load.p99_ms},
                      {"good", load.good},
                      {"started", load.started}};
  for (const auto& [why, count] : load.failed) line["failed"][why] = count;
  std::cout << line << std::endl;
  return 0;
}

int Fail(const absl::Status& status) {
  std::cerr << status << "\n";
  return 1;
}

}  // namespace
}  // namespace civicmesh::bench

int main(int argc, char** argv) {
  using namespace civicmesh::bench;
  CLI::App app{"one measurement"};
  std::string listen, target;
  civicmesh::civicctl::KafkaPlace kafka;
  CityAddresses city;
  int in_flight = 1;
  double seconds = 5, warm = 2;
  int64_t calls = 0, first = 0, cases = 0;
  bool one_shard = false;
  auto* serve = app.add_subcommand("serve-echo");
  serve->add_option("--listen", listen)->required();
  auto* echo = app.add_subcommand("echo");
  echo->add_option("--target", target)->required();
  auto* raw = app.add_subcommand("raw");
  AddBrokers(*raw, kafka);
  auto* closed = app.add_subcommand("closed-cases");
  AddBrokers(*closed, kafka);
  closed->add_option("--cases", cases)->required();
  closed->add_option("--first", first);
  auto* open = app.add_subcommand("open");
  open->add_flag("--one-shard", one_shard);
  auto* lives = app.add_subcommand("lives");
  for (auto* load : {echo, raw, open, lives}) {
    load->add_option("--in-flight", in_flight);
    load->add_option("--seconds", seconds);
    load->add_option("--warm", warm);
    load->add_option("--calls", calls);
  }
  for (auto* load : {open, lives}) {
    load->add_option("--intake", city.intake)->required();
    load->add_option("--dispatch", city.dispatch)->required();
    load->add_option("--keys", city.keys)->required();
    load->add_option("--first", first);
  }
  app.require_subcommand(1);
  CLI11_PARSE(app, argc, argv);
  if (*serve) return ServeEcho(listen);
  if (*closed) {
    const absl::Status written = WriteClosedCases(kafka, first, cases);
    return written.ok() ? 0 : Fail(written);
  }
  const Plan plan{
      .in_flight = in_flight, .warm = absl::Seconds(warm), .measured = absl::Seconds(seconds), .calls = calls};
  if (*echo) return Print(Run(plan, CallEcho(target)));
  if (*raw) {
    auto load = RawLoop(kafka, in_flight, absl::Seconds(seconds));
    return load.ok() ? Print(*load) : Fail(load.status());
  }
  auto made = CityLoad::Make(city, first);
  if (!made.ok()) return Fail(made.status());
  return Print(Run(plan, *open ? (*made)->OpenCases(one_shard) : (*made)->Lives()));
}
