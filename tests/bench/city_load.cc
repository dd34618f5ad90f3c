#include "tests/bench/city_load.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <utility>
#include <vector>

#include "absl/random/random.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "civicmesh/dispatch/v1/dispatch_service.grpc.pb.h"
#include "civicmesh/intake/v1/intake_service.grpc.pb.h"
#include "grpcpp/alarm.h"
#include "grpcpp/grpcpp.h"
#include "services/dispatch/dispatch_geometry.h"
#include "services/runtime/base/names.h"
#include "services/runtime/base/uuid_v7.h"
#include "services/runtime/rpc/errors.h"
#include "services/runtime/rpc/token_signer.h"

namespace civicmesh::bench {
namespace {

// As tests/bench/run lays its grids out: kGrids squares, 0.05 degrees apart, in rows of 14; within each a lattice of
// points 52 m apart and more, so that no two reports are duplicates.
constexpr int kGrids = 196, kRow = 14, kLattice = 88, kShards = 8, kCallers = 64;
constexpr double kSouth = 30.0, kWest = 121.0, kApart = 0.05, kStep = 0.00055;
constexpr int kChannels = 4, kAsks = 3;
// Whoever waits for a case asks again, ever less often: what is asked in vain takes from what is measured.
constexpr absl::Duration kFirstCheck = absl::Milliseconds(10), kLastCheck = absl::Milliseconds(320);

std::string NewRequestId() {
  thread_local absl::BitGen random;
  return UuidV7(absl::ToUnixMillis(absl::Now()), absl::Uniform<uint64_t>(random), absl::Uniform<uint64_t>(random));
}

using Point = std::pair<double, double>;  // latitude, longitude

// Neighbours in this order lie in different grids.
std::vector<Point> AllPlaces() {
  std::vector<Point> places;
  for (int at = 0; at < kLattice * kLattice; ++at)
    for (int grid = 0; grid < kGrids; ++grid)
      places.emplace_back(kSouth + kApart * (grid / kRow) + kStep * (at / kLattice + 1),
                          kWest + kApart * (grid % kRow) + kStep * (at % kLattice + 1));
  return places;
}

// From the other end, where the runs on all shards have not been.
std::vector<Point> PlacesOfOneShard() {
  std::vector<Point> places = AllPlaces();
  places.erase(std::remove_if(places.begin(), places.end(),
                              [](const Point& place) {
                                return ShardOf(dispatch::HomeCell(place.first, place.second), kShards) != 0;
                              }),
               places.end());
  std::reverse(places.begin(), places.end());
  return places;
}

template <typename Place>
void SetPlace(const std::vector<Point>& places, int64_t n, Place* place) {
  const auto& [latitude, longitude] = places[static_cast<size_t>(n) % places.size()];
  place->set_latitude(latitude);
  place->set_longitude(longitude);
}

template <typename Photo>
void SetPhoto(type::v1::Attachment::Kind kind, Photo* photo) {
  photo->set_uri("bench/photo");
  photo->set_sha256(std::string(32, 'x'));
  photo->set_kind(kind);
  photo->set_size_bytes(1);
}

}  // namespace

struct CityLoad::Impl {
  using Intake = intake::v1::IntakeService::Stub;
  using Dispatch = dispatch::v1::DispatchService::Stub;
  std::vector<std::unique_ptr<Intake>> intake;
  std::vector<std::unique_ptr<Dispatch>> dispatch;
  const std::vector<Point> places = AllPlaces();
  std::vector<std::string> citizens, collectors, registrars, dispatchers, workers;
  int64_t first;

  Impl(const CityAddresses& addresses, const TokenSigner& signer, int64_t f) : first(f) {
    for (int i = 0; i < kChannels; ++i) {
      grpc::ChannelArguments own;
      own.SetInt("bench.channel", i);  // else channels to one address share a connection
      intake.push_back(intake::v1::IntakeService::NewStub(
          grpc::CreateCustomChannel(addresses.intake, grpc::InsecureChannelCredentials(), own)));
      dispatch.push_back(dispatch::v1::DispatchService::NewStub(
          grpc::CreateCustomChannel(addresses.dispatch, grpc::InsecureChannelCredentials(), own)));
    }
    citizens = Tokens(signer, "citizen");
    collectors = Tokens(signer, "collector");
    registrars = Tokens(signer, "registrar");
    dispatchers = Tokens(signer, "dispatcher");
    workers = Tokens(signer, "worker");
  }

  // Many callers, since each may have only so many calls under way; those of tests/bench/run's roster.
  static std::vector<std::string> Tokens(const TokenSigner& signer, const std::string& name) {
    std::vector<std::string> tokens;
    for (int i = 0; i < kCallers; ++i)
      tokens.push_back(
          signer.Token(absl::StrCat(R"({"iss":"https://id.civicmesh.test","aud":"civicmesh","sub":"bench-)", name, "-",
                                    i, R"(","exp":)", absl::ToUnixSeconds(absl::Now() + absl::Hours(4)), "}")));
    return tokens;
  }
};

namespace {

// One call; asked again under its request_id where nobody knows what became of it, as a client is told to.
template <typename Stub, typename Request, typename Response>
struct Call : std::enable_shared_from_this<Call<Stub, Request, Response>> {
  using Method = void (Stub::async::*)(grpc::ClientContext*, const Request*, Response*,
                                       std::function<void(grpc::Status)>);
  Stub* stub;
  std::string authorization;
  Request request;
  Method method;
  std::function<void(const grpc::Status&, const Response&)> done;
  std::array<grpc::ClientContext, kAsks> contexts;  // one for each time it is asked
  size_t asked = 0;
  Response response;

  void Ask() {
    grpc::ClientContext& context = contexts[asked++];
    context.AddMetadata("authorization", authorization);
    context.set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(20)));
    (stub->async()->*method)(&context, &request, &response, [me = this->shared_from_this()](grpc::Status status) {
      if (me->asked < me->contexts.size() && ReasonOf(status) == "REASON_UNKNOWN_OUTCOME") return me->Ask();
      me->done(status, me->response);
    });
  }
};

template <typename Stub, typename Request, typename Response>
void BeginCall(Stub& stub, const std::string& token, Request request,
               void (Stub::async::*method)(grpc::ClientContext*, const Request*, Response*,
                                           std::function<void(grpc::Status)>),
               std::function<void(const grpc::Status&, const Response&)> done) {
  auto call = std::make_shared<Call<Stub, Request, Response>>();
  call->stub = &stub;
  call->authorization = absl::StrCat("Bearer ", token);
  call->request = std::move(request);
  call->method = method;
  call->done = std::move(done);
  call->Ask();
}

}  // namespace

// One report on its way; lives until it is done.
struct CityLoad::Life : std::enable_shared_from_this<Life> {
  using Intake = Impl::Intake;
  using Dispatch = Impl::Dispatch;
  Impl* city;
  int64_t n;
  Done done;
  std::string report, receipt, case_name;
  absl::Duration next_check = kFirstCheck;
  grpc::Alarm alarm;

  const std::string& By(const std::vector<std::string>& tokens) const { return tokens[n % tokens.size()]; }

  void Submit() {
    intake::v1::SubmitReportRequest request;
    request.set_request_id(NewRequestId());
    request.set_text("路边有一堆暴露垃圾，很久没人清理");
    SetPlace(city->places, n, request.mutable_location());
    BeginCall<Intake, intake::v1::SubmitReportRequest, intake::v1::Report>(
        *city->intake[n % kChannels], By(city->citizens), request, &Intake::async::SubmitReport,
        [me = shared_from_this()](const grpc::Status& status, const intake::v1::Report& answer) {
          if (!status.ok()) return me->done(status);
          me->report = answer.name();
          me->receipt = answer.receipt();
          me->FindCase();
        });
  }

  void FindCase() {
    intake::v1::GetReportRequest request;
    request.set_name(report);
    request.set_receipt(receipt);
    BeginCall<Intake, intake::v1::GetReportRequest, intake::v1::Report>(
        *city->intake[n % kChannels], By(city->citizens), request, &Intake::async::GetReport,
        [me = shared_from_this()](const grpc::Status& status, const intake::v1::Report& answer) {
          if (!status.ok()) return me->done(status);
          me->case_name = answer.case_();
          if (!me->case_name.empty()) return me->Step(0);
          me->alarm.Set(absl::ToChronoTime(absl::Now() + me->next_check), [me](bool) { me->FindCase(); });
          me->next_check = std::min(2 * me->next_check, kLastCheck);
        });
  }

  template <typename Request>
  void Move(const std::vector<std::string>& by, Request request,
            void (Dispatch::async::*method)(grpc::ClientContext*, const Request*, dispatch::v1::Case*,
                                            std::function<void(grpc::Status)>),
            int next) {
    request.set_name(case_name);
    request.set_request_id(NewRequestId());
    BeginCall<Dispatch, Request, dispatch::v1::Case>(
        *city->dispatch[n % kChannels], By(by), std::move(request), method,
        [me = shared_from_this(), next](const grpc::Status& status, const dispatch::v1::Case&) {
          if (!status.ok() || next == 6) return me->done(status);
          me->Step(next);
        });
  }

  void Step(int step) {
    using namespace dispatch::v1;
    switch (step) {
      case 0:
        return Move(city->registrars, AcceptCaseRequest(), &Dispatch::async::AcceptCase, 1);
      case 1: {
        RegisterCaseRequest request;
        request.set_class_code("E0110");
        request.set_condition_id("1");
        return Move(city->registrars, request, &Dispatch::async::RegisterCase, 2);
      }
      case 2:
        return Move(city->dispatchers, DispatchCaseRequest(), &Dispatch::async::DispatchCase, 3);
      case 3:
        return Move(city->workers, SignCaseRequest(), &Dispatch::async::SignCase, 4);
      case 4: {
        SubmitFeedbackRequest request;
        SetPhoto(type::v1::Attachment::KIND_AFTER, request.add_photos());
        return Move(city->workers, request, &Dispatch::async::SubmitFeedback, 5);
      }
      default: {
        InspectCaseRequest request;
        request.set_passed(true);
        SetPhoto(type::v1::Attachment::KIND_AFTER, request.add_photos());
        return Move(city->collectors, request, &Dispatch::async::InspectCase, 6);
      }
    }
  }
};

absl::StatusOr<std::unique_ptr<CityLoad>> CityLoad::Make(const CityAddresses& addresses, int64_t first) {
  std::ifstream file(addresses.keys + "/signing-key.pem");
  const std::string pem{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  auto signer = TokenSigner::FromPem(pem);
  if (!signer.ok()) return signer.status();
  return std::unique_ptr<CityLoad>(new CityLoad(std::make_unique<Impl>(addresses, *signer, first)));
}

CityLoad::CityLoad(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
CityLoad::~CityLoad() = default;

Start CityLoad::OpenCases(bool one_shard) {
  auto places = std::make_shared<const std::vector<Point>>(one_shard ? PlacesOfOneShard() : impl_->places);
  return [city = impl_.get(), places](int64_t n, Done done) {
    dispatch::v1::OpenCaseRequest request;
    request.set_request_id(NewRequestId());
    request.set_source(type::v1::REPORT_SOURCE_COLLECTOR);
    request.set_class_code("E0110");
    request.set_text("路边有一堆暴露垃圾");
    SetPlace(*places, city->first + n, request.mutable_location());
    BeginCall<Impl::Dispatch, dispatch::v1::OpenCaseRequest, dispatch::v1::Case>(
        *city->dispatch[n % kChannels], city->collectors[n % kCallers], request, &Impl::Dispatch::async::OpenCase,
        [done = std::move(done)](const grpc::Status& status, const dispatch::v1::Case&) { done(status); });
  };
}

Start CityLoad::Lives() {
  return [city = impl_.get()](int64_t n, Done done) {
    auto life = std::make_shared<Life>();
    life->city = city;
    life->n = city->first + n;
    life->done = std::move(done);
    life->Submit();
  };
}

}  // namespace civicmesh::bench
