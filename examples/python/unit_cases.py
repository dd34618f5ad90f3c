#!/usr/bin/python3
"""Lists the cases that a unit (处置单位) holds, page by page, and reads one KPI of a month with the members that it counts.

  PYTHONPATH=STUBS unit_cases.py UNIT KPI [MONTH]      as: unit_cases.py u-sanitation closure_rate 2026-10

The environment: CIVICMESH_DOOR (https://city.example:443), CIVICMESH_TOKEN, CIVICMESH_SERVICE_CONFIG (the package's).
"""
import os
import pathlib
import sys

import grpc
from civicmesh.analytics.v1 import analytics_service_pb2 as analytics, analytics_service_pb2_grpc
from civicmesh.dispatch.v1 import dispatch_events_pb2, dispatch_service_pb2 as dispatch, dispatch_service_pb2_grpc
from google.rpc import error_details_pb2, status_pb2

PACKAGE = pathlib.Path(__file__).resolve().parents[2]
UNKNOWN = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)


def environment(name):
    return os.environ.get(name) or sys.exit(f"{name} is not set")


def connect(door):
    """A channel with the package's deadlines and retries."""
    file = pathlib.Path(os.environ.get("CIVICMESH_SERVICE_CONFIG", PACKAGE / "service_config.json"))
    options = [("grpc.service_config", file.read_text(encoding="utf-8"))]
    scheme, _, target = door.partition("://")
    if scheme == "https":
        return grpc.secure_channel(target, grpc.ssl_channel_credentials(), options)
    return grpc.insecure_channel(target, options)


def all_pages(method, request, metadata):
    """Every answer of a List method until there is no next page. Changing anything else of the request in between is refused."""
    while True:
        page = method(request, metadata=metadata)
        yield page
        if not page.next_page_token:
            return
        request.page_token = page.next_page_token


def print_cases(channel, metadata, unit):
    stub = dispatch_service_pb2_grpc.DispatchServiceStub(channel)
    count = 0
    for page in all_pages(stub.ListCases, dispatch.ListCasesRequest(unit=unit, page_size=20), metadata):
        for case in page.cases:
            # An enum value that is newer than these stubs is a number without a name.
            known = dispatch_events_pb2.CaseStatus.DESCRIPTOR.values_by_number.get(case.status)
            print(case.name, case.case_number or "-", known.name if known else case.status, case.class_name_zh)
            count += 1
    print(f"{unit}: {count} cases")


def print_kpi(channel, metadata, kpi, month):
    stub = analytics_service_pb2_grpc.AnalyticsServiceStub(channel)
    name = f"kpis/{kpi}"
    found = stub.GetKpi(analytics.GetKpiRequest(name=name, month=month), metadata=metadata)
    print(f"{found.title_zh} ({found.title_en}), as of {found.as_of.ToJsonString()}")
    for figure in found.figures:
        value = figure.value if figure.HasField("value") else "no value"
        print(f"  {figure.series or 'all'}: {value} = {figure.numerator} / {figure.denominator}")
    # The same point of knowledge as the figure's: the members are the very ones that it counts.
    asked = analytics.ListKpiMembersRequest(parent=name, month=month, as_of=found.as_of, part=analytics.KPI_PART_NUMERATOR)
    for page in all_pages(stub.ListKpiMembers, asked, metadata):
        for member in page.members:
            print(f"  {member.member} {member.at.ToJsonString()}")


def explain(error):
    """Why a call was not answered as asked, for a person; and the exit status: 1 refused, 2 unknown."""
    print(f"{error.code().name}: {error.details()}", file=sys.stderr)
    for key, value in error.trailing_metadata():
        if key != "grpc-status-details-bin":
            continue
        for detail in status_pb2.Status.FromString(value).details:
            info, text, bad = error_details_pb2.ErrorInfo(), error_details_pb2.LocalizedMessage(), error_details_pb2.BadRequest()
            if detail.Unpack(info):
                print(f"  {info.reason} ({info.domain})", file=sys.stderr)
            if detail.Unpack(text):
                print(f"  {text.locale}: {text.message}", file=sys.stderr)
            if detail.Unpack(bad):
                for field in bad.field_violations:
                    print(f"  {field.field}: {field.description}", file=sys.stderr)
    return 2 if error.code() in UNKNOWN else 1


def main():
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    unit, kpi, month = (sys.argv[1:] + [""])[:3]
    metadata = [("authorization", f"Bearer {environment('CIVICMESH_TOKEN')}")]
    try:
        with connect(environment("CIVICMESH_DOOR")) as channel:
            print_cases(channel, metadata, unit)
            print_kpi(channel, metadata, kpi, month)
    except grpc.RpcError as error:
        sys.exit(explain(error))


if __name__ == "__main__":
    main()
