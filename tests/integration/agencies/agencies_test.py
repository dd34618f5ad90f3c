"""The example clients, built from the installed package alone: they do their jobs in a city through its door, say why where they
are refused, and ask again, the same and not for ever, where they are told that the outcome is unknown.

Needs the built programs and package (CIVICMESH_BIN, CIVICMESH_BUILD) and what deploy/install installs, its modules too.
"""
import concurrent.futures
import json
import pathlib
import re
import sys
import tempfile
import time
import unittest

from flaky_door import FlakyDoor
from package import BUILD, ROOT, Examples

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from town import AskedTown, new_request_id  # noqa: E402  pylint: disable=wrong-import-position

UNIT = "u-sanitation"
DISTRICT = json.loads((ROOT / "deploy/sample/district.json").read_text(encoding="utf-8"))
TEXT = "望湖路525号对面道路开挖后迟迟不恢复"


def setUpModule():  # pylint: disable=invalid-name
    global EXAMPLES, CPP, PYTHON, GO
    EXAMPLES = Examples(BUILD / "agencies")
    with concurrent.futures.ThreadPoolExecutor() as pool:
        built = [pool.submit(build) for build in (EXAMPLES.build_cpp, EXAMPLES.build_python, EXAMPLES.build_go)]
        CPP, PYTHON, GO = (one.result() for one in built)
    sys.path.insert(0, str(EXAMPLES.stubs))


def centre(grid):
    """A place within a unit grid of the sample."""
    return {axis: sum(point[axis] for point in grid["ring"]) / len(grid["ring"]) for axis in ("latitude", "longitude")}


class InACity(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        # The real clock: an agency sends no business time.
        cls.city = AskedTown("agencies-", "--services=intake,dispatch,analytics", "--clock=real",
                             "--development-tokens")
        cls.addClassCleanup(cls.city.remove)
        cls.picture = cls.city.folder / "picture.jpg"
        cls.picture.write_bytes(b"a picture")

    def ask(self, program, *arguments, role, token=None):
        token = token if token is not None else self.city.token("agency-1", role)
        return EXAMPLES.ask(program, *map(str, arguments), door=self.city.where["door"], token=token)

    def done(self, *asked, **rest):
        status, said, complained = self.ask(*asked, **rest)
        self.assertEqual((status, complained), (0, ""), said)
        return said

    def refused(self, *asked, **rest):
        status, said, complained = self.ask(*asked, **rest)
        self.assertEqual(status, 1, said + complained)
        return complained

    def hand_in(self, text=TEXT, request_id=None, call=None, **rest):
        place = centre(DISTRICT["grids"][30])
        return (call or self.done)(CPP, text, place["latitude"], place["longitude"], request_id or new_request_id(), **rest)

    def test_a_report_is_handed_in_and_followed_until_a_case_answers_it(self):
        request_id = new_request_id()
        said = self.hand_in(request_id=request_id, role="GATEWAY")
        report, case = re.search(r"^(reports/\S+)", said, re.M)[1], re.search(r"^(cases/\S+) answers it$", said, re.M)[1]
        status, found = self.city.call("GET", f"/v1/{case}", token=self.city.token("r", "REGISTRAR"))
        self.assertEqual((status, found["text"], found["source"]), (200, TEXT, "REPORT_SOURCE_HOTLINE_12345"))
        self.assertEqual([one["report"] for one in found["reports"]], [report])
        self.assertIn(report, self.hand_in(request_id=request_id, role="GATEWAY"))

    def test_why_a_report_is_refused(self):
        said = self.hand_in(call=self.refused, role="COLLECTOR")
        self.assertIn("  REASON_SOURCE_NOT_YOURS (intake)\n", said)
        self.assertIn("  zh-CN: 您的岗位不能以该来源上报。\n", said)
        said = self.hand_in(text="", call=self.refused, role="GATEWAY")
        self.assertRegex(said, r"(?s)  REASON_\w+ \(\w+\)\n.*  text: ")
        self.assertIn("refused: nothing happened", said)
        self.assertIn("zh-CN: request_id 必须是 UUIDv7", self.hand_in(request_id="7", call=self.refused, role="GATEWAY"))
        self.assertIn("SubmitReport: ", self.hand_in(call=self.refused, role="GATEWAY", token="none"))

    def test_a_unit_s_cases_page_by_page_and_a_figure_with_its_members(self):
        names = [self.dispatched(grid) for grid in DISTRICT["grids"][:22]]  # more than a page
        self.await_folded(names)
        said = self.done(PYTHON, UNIT, "registration_rate", role="ANALYST")
        cases, _, figure = said.partition(f"{UNIT}: 22 cases\n")
        self.assertEqual(sorted(re.findall(r"^(cases/\S+) \d{19} CASE_STATUS_DISPATCHED ", cases, re.M)), sorted(names))
        self.assertIn("all: 1.0 = 22 / 22", figure)
        self.assertEqual(sorted(re.findall(r"^  (cases/\S+) ", figure, re.M)), sorted(names))
        self.assertIn("u-nobody: 0 cases", self.done(PYTHON, "u-nobody", "registration_rate", role="ANALYST"))

    def test_why_a_figure_is_refused(self):
        self.assertIn("NOT_FOUND: ", self.refused(PYTHON, UNIT, "nothing", role="ANALYST"))
        self.assertRegex(self.refused(PYTHON, UNIT, "closure_rate", "13", role="ANALYST"), r"(?s)REASON_\w+ .*  month: ")
        self.assertIn("UNAUTHENTICATED: ", self.refused(PYTHON, UNIT, "closure_rate", role="ANALYST", token="none"))

    def test_an_alert_is_raised(self):
        camera = DISTRICT["cameras"][0]["id"]
        name = re.search(r"^(alerts/\S+) \S+ ALERT_VERDICT_UNSPECIFIED$", self.done(GO, camera, 3, 92, self.picture, role="GATEWAY"),
                         re.M)[1]
        status, found = self.city.call("GET", f"/v1/{name}", token=self.city.token("r", "REVIEWER"))
        self.assertEqual((status, found["camera"], found["camera_class"], found["confidence"]), (200, camera, 3, 92))

    def test_why_an_alert_is_refused(self):
        self.assertRegex(self.refused(GO, "cam-nowhere", 3, 92, self.picture, role="GATEWAY"), r"REASON_\w+ \(intake\)")
        self.assertRegex(self.refused(GO, DISTRICT["cameras"][0]["id"], 13, 92, self.picture, role="GATEWAY"), "  camera_class: ")
        self.assertIn("REASON_PERMISSION_DENIED (runtime)", self.refused(GO, "cam-001", 3, 92, self.picture, role="ANALYST"))
        self.assertIn("RaiseAlert: Unauthenticated: ", self.refused(GO, "cam-001", 3, 92, self.picture, role="GATEWAY", token="none"))

    def dispatched(self, grid):
        """The name of a new case there, on its way to its unit."""
        case = self.staff("COLLECTOR", "", source="REPORT_SOURCE_COLLECTOR", class_code="E0110", text="路边有零散垃圾",
                          location=centre(grid))
        self.staff("REGISTRAR", f"{case['name']}:accept")
        self.staff("REGISTRAR", f"{case['name']}:register", condition_id="1")
        return self.staff("DISPATCHER", f"{case['name']}:dispatch")["name"]

    def staff(self, role, path, **fields):
        status, answer = self.city.call("POST", f"/v1/{path or 'cases'}", {"request_id": new_request_id(), **fields},
                                        token=self.city.token(role.lower(), role))
        self.assertEqual(status, 200, answer)
        return answer

    def await_folded(self, names):
        """Until analytics has heard of them all; no fact of theirs is to come."""
        until, token = time.monotonic() + 60, self.city.token("a", "ANALYST")
        while time.monotonic() < until:
            _, page = self.city.call("GET", "/v1/kpis/registration_rate/members?part=KPI_PART_NUMERATOR", token=token)
            if {member["member"] for member in page.get("members", [])} >= set(names):
                return
        self.fail(f"not folded: {page}")


class WhereTheOutcomeIsUnknown(unittest.TestCase):
    """The service config is in use: the same is asked again, after UNAVAILABLE only, and within its deadline."""

    def asked(self, program, *arguments, failures=0, answers=(), config=None):
        door = FlakyDoor(answers, failures)
        with door.listening() as address:
            status, said, complained = EXAMPLES.ask(program, *arguments, door=address, token="t", config=config)
        for _, _, metadata in door.calls:
            self.assertEqual(metadata["authorization"], "Bearer t")
        return status, said + complained, door.calls

    def is_repeated(self, calls, method, times):
        requests = [call[1] for call in calls if call[0] == method]
        self.assertEqual(len(requests), times, calls)
        self.assertEqual(len(set(requests)), 1, "not the same request again")

    def test_a_report(self):
        from civicmesh.intake.v1 import intake_service_pb2 as intake  # pylint: disable=import-outside-toplevel
        answers = {"SubmitReport": intake.Report(name="reports/r-1", receipt="the receipt").SerializeToString(),
                   "GetReport": intake.Report(name="reports/r-1", case="cases/c-1").SerializeToString()}
        status, said, calls = self.asked(CPP, TEXT, "30.27", "120.05", failures=2, answers=answers)
        self.assertEqual(status, 0, said)
        self.assertIn("cases/c-1 answers it", said)
        self.is_repeated(calls, "SubmitReport", 3)
        self.is_repeated(calls, "GetReport", 3)
        self.assertEqual(intake.SubmitReportRequest.FromString(calls[0][1]).request_id, re.search("request_id (.*)", said)[1])
        self.assertRegex(said, "request_id [0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\n")
        self.assertEqual(intake.GetReportRequest.FromString(calls[-1][1]).receipt, "the receipt")

    def test_a_question(self):
        from civicmesh.analytics.v1 import analytics_service_pb2 as analytics  # pylint: disable=import-outside-toplevel
        answers = {"ListCases": b"", "GetKpi": analytics.Kpi(name="kpis/k").SerializeToString(), "ListKpiMembers": b""}
        status, said, calls = self.asked(PYTHON, "u-1", "k", failures=1, answers=answers)
        self.assertEqual(status, 0, said)
        for method in answers:
            self.is_repeated(calls, method, 2)

    def test_an_alert(self):
        from civicmesh.intake.v1 import intake_service_pb2 as intake  # pylint: disable=import-outside-toplevel
        answers = {method: intake.Alert(name="alerts/a").SerializeToString() for method in ("RaiseAlert", "GetAlert")}
        status, said, calls = self.asked(GO, "cam-001", "3", "92", __file__, failures=2, answers=answers)
        self.assertEqual(status, 0, said)
        self.is_repeated(calls, "RaiseAlert", 3)
        self.is_repeated(calls, "GetAlert", 3)

    def test_it_is_not_asked_for_ever(self):
        status, said, calls = self.asked(PYTHON, "u-1", "k", failures=100)
        self.assertEqual((status, len(calls)), (2, 4), said)
        self.assertIn("UNAVAILABLE: unknown: retry with the same request_id", said)

    def test_nobody_waits_for_ever(self):
        with tempfile.NamedTemporaryFile("w", suffix=".json") as config:
            said = (EXAMPLES.package / "service_config.json").read_text(encoding="ascii")
            config.write(said.replace('"10s"', '"0.2s"').replace('"30s"', '"0.2s"'))
            config.flush()
            for program, *arguments in [(CPP, TEXT, "30.27", "120.05"), (PYTHON, "u-1", "k"), (GO, "cam-001", "3", "92", __file__)]:
                status, said, _ = self.asked(program, *arguments, config=config.name)
                self.assertEqual(status, 2, said)
                self.assertRegex(said, "(?i)deadline.?exceeded")


if __name__ == "__main__":
    unittest.main()
