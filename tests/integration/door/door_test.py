"""A city as deploy/up makes it, asked through its door: who is let in, how refusals read, a case from its opening to its
closing, and a service killed in the middle.

Needs the built programs (CIVICMESH_BIN) and what deploy/install installs.
"""
import base64
import concurrent.futures
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.error

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from frames import Client  # pylint: disable=wrong-import-position
from tokens import Forge, bearer, headers  # pylint: disable=wrong-import-position
from town import AskedTown, ROOT, new_request_id  # pylint: disable=wrong-import-position

LIST_CASES = "/civicmesh.dispatch.v1.DispatchService/ListCases"
GET_SHARDS = "/civicmesh.runtime.v1.ControlService/GetShards"
NOON = "2026-09-02T04:00:00Z"  # a Wednesday, worked, in Asia/Shanghai
UNIT = "u-sanitation"
DISTRICT = json.loads((ROOT / "deploy/sample/district.json").read_text(encoding="utf-8"))
PHOTO = {"uri": "photos/1.jpg", "sha256": base64.b64encode(bytes(32)).decode(), "size_bytes": "1000"}


def centre(grid):
    """A place within a unit grid of the sample."""
    ring = grid["ring"]
    return {axis: sum(point[axis] for point in ring) / len(ring) for axis in ("latitude", "longitude")}


def setUpModule():  # pylint: disable=invalid-name
    global CITY
    CITY = AskedTown("door-", "--services=dispatch,points", "--development-tokens")
    unittest.addModuleCleanup(CITY.remove)


def ask(service, values):
    """The gRPC status of a call that any operator or registrar may make, straight at its socket."""
    method, request = {"dispatch": (LIST_CASES, b""), "points": (GET_SHARDS, b"\x0a\x06points")}[service]
    with Client(CITY.where["sockets"][service]) as client:
        return client.grpc(method, request, headers=values).grpc_status


def details_of(answer):
    return {detail["@type"].rsplit(".", 1)[1]: detail for detail in answer["details"]}


class WhoIsLetIn(unittest.TestCase):
    def refused(self, status, reason, method, path, body=None, **rest):
        got, answer = CITY.call(method, path, body, **rest)
        self.assertEqual(got, status, answer)
        info = details_of(answer)["ErrorInfo"]
        self.assertEqual((info["reason"], info["domain"]), (reason, "runtime"))
        return answer

    def test_what_is_no_rpc_is_not_found_with_or_without_a_token(self):
        token = CITY.token("registrar-01", "REGISTRAR")
        for path in ("/", "/v1", "/v1/case", "/v1/cases/c1/x", "/v1/cases/c1:nothing", "/v1/control/nobody/shards",
                     "/grpc.health.v1.Health/Check", "/civicmesh.dispatch.v1.DispatchService/GetCase", "/v1/cases/../../etc"):
            for sent in (None, token):
                self.refused(404, "REASON_NOT_FOUND", "GET", path, token=sent)
        self.refused(404, "REASON_NOT_FOUND", "DELETE", "/v1/cases", token=token)

    def test_no_token(self):
        for path in ("/v1/cases", "/v1//cases", "/v1/./cases", "/v1/cases/c1", "/v1/control/dispatch/shards"):
            self.refused(401, "REASON_UNAUTHENTICATED", "GET", path)

    def test_hostile_tokens_are_refused_at_the_service_too(self):
        """The same that end at the door (door_tokens_test), straight at the socket, which only the door should reach."""
        forge = Forge(CITY.signing_key, CITY.kid, CITY.where["issuer"], CITY.where["audience"])
        with Client(CITY.where["sockets"]["dispatch"]) as client:
            for what, values in forge.hostile().items():
                with self.subTest(what):
                    self.assertEqual(client.grpc(LIST_CASES, headers=headers(values)).grpc_status, 16)
            self.assertEqual(client.grpc(LIST_CASES).grpc_status, 16)
            for what, values in forge.good().items():
                with self.subTest(what):
                    self.assertEqual(client.grpc(LIST_CASES, headers=headers(values)).grpc_status, 0)
            for what, values in forge.hostile_to_services().items():
                with self.subTest(what):
                    self.assertEqual(client.grpc(LIST_CASES, headers=headers(values)).grpc_status, 16)
            once = headers([bearer(forge.once())])
            self.assertEqual([client.grpc(LIST_CASES, headers=once).grpc_status for _ in range(3)], [0, 16, 16])
        late = forge.good()["expired within the skew"][0].removeprefix("Bearer ")
        self.assertEqual(CITY.call("GET", "/v1/cases", token=late)[0], 200)

    def test_a_token_is_worth_what_its_kind_of_client_may(self):
        of = {kind: CITY.token("registrar-01", "REGISTRAR", aud=audience) for kind, audience in CITY.where["audiences"].items()}
        self.assertEqual(CITY.call("GET", "/v1/cases", token=of["staff"])[0], 200)
        self.refused(403, "REASON_PERMISSION_DENIED", "GET", "/v1/cases", token=of["citizen"])
        self.refused(401, "REASON_UNAUTHENTICATED", "GET", "/v1/cases", token=CITY.token("registrar-01", "REGISTRAR", aud="civicmesh-x"))

    def test_a_token_that_is_good_once_is_used_up_for_every_service_and_after_its_restart(self):
        forge = Forge(CITY.signing_key, CITY.kid, CITY.where["issuer"], CITY.where["audience"])
        shown, kept = (headers([bearer(forge.once(roles=["REGISTRAR", "OPERATOR"]))]) for _ in range(2))
        self.assertEqual(ask("dispatch", shown), 0)
        self.assertEqual(ask("points", shown), 16)
        os.kill(CITY.where["pids"]["dispatch"], signal.SIGKILL)
        CITY.revive()
        self.assertEqual(ask("dispatch", shown), 16)
        self.assertEqual(ask("points", kept), 0)
        CITY.city.redis_cli("DEL", *CITY.city.redis_cli("KEYS", "civicmesh:once:*").split())
        self.assertEqual(ask("points", kept), 16, "it has seen it itself")

    def test_agencies_have_their_own_quotas(self):
        token = lambda who: CITY.token(who, "ANALYST", aud=CITY.where["audiences"]["agency"])
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump({"version": "1", "quotas": [{"subject": "agency-slow", "per_minute": 3, "reason_zh": "试用"}]}, file)
            file.flush()
            CITY.city.civicctl("quotas", f"--kafka={CITY.where['kafka']}", file.name, stdout=subprocess.DEVNULL)
        until, answered = time.monotonic() + 20, {}
        while (status := CITY.call("GET", "/v1/cases", token=token("agency-slow"))[0]) == 200:
            self.assertLess(time.monotonic(), until)
        self.assertEqual(status, 429)
        with self.assertRaises(urllib.error.HTTPError) as over:
            CITY.read("/v1/cases", token=token("agency-slow"))
        with over.exception as answer:
            answered, wait = json.load(answer), answer.headers["retry-after"]
        details = details_of(answered)
        self.assertEqual(details["ErrorInfo"]["reason"], "REASON_QUOTA_EXHAUSTED")
        self.assertIn("配额", answered["details"][2]["message"])
        self.assertLessEqual(float(details["RetryInfo"]["retry_delay"].rstrip("s")), int(wait))
        self.assertLessEqual(int(wait), 20)
        for _ in range(5):
            self.assertEqual(CITY.call("GET", "/v1/cases", token=token("agency-other"))[0], 200)
            self.assertEqual(CITY.call("GET", "/v1/cases", token=CITY.token("agency-slow", "ANALYST"))[0], 200)
        metrics = CITY.read("/v1/control/dispatch/metrics", token=CITY.token("o", "OPERATOR")).decode()
        self.assertRegex(metrics, r'civicmesh_agency_calls\{domain="dispatch",outcome="over_quota"\} [2-9]')
        self.assertNotIn("agency-slow", metrics)

    def test_over_grpc_web(self):
        token = [("authorization", f"Bearer {CITY.token('registrar-01', 'REGISTRAR')}")]
        address = CITY.where["door"].removeprefix("http://").split(":")
        with Client((address[0], int(address[1]))) as client:
            heard = client.grpc(LIST_CASES, headers=token, content_type="application/grpc-web+proto")
            self.assertEqual((heard.status, heard.body[-15:]), (200, b"grpc-status:0\r\n"))
            refused = client.grpc("/civicmesh.dispatch.v1.DispatchService/GetCase", b"\x0a\x01x", token, "application/grpc-web+proto")
            self.assertIn("grpc-status-details-bin", refused.headers)

    def test_the_wrong_post(self):
        body = {"request_id": new_request_id()}
        self.refused(403, "REASON_PERMISSION_DENIED", "POST", "/v1/cases/c1:sign", body, token=CITY.token("r", "REGISTRAR"))
        self.refused(403, "REASON_PERMISSION_DENIED", "GET", "/v1/control/dispatch/shards", token=CITY.token("r", "REGISTRAR"))


class HowAnswersRead(unittest.TestCase):
    def test_a_refusal_comes_with_all_its_details(self):
        status, answer = Clerk().open("no uuid", centre(DISTRICT["grids"][0]))
        self.assertEqual((status, answer["code"]), (400, 3))
        details = details_of(answer)
        self.assertEqual(details["ErrorInfo"]["reason"], "REASON_BAD_REQUEST_ID")
        self.assertEqual(details["BadRequest"]["field_violations"][0]["field"], "request_id")
        texts = [d["message"] for d in answer["details"] if d["@type"].endswith("LocalizedMessage")]
        self.assertIn("request_id 必须是 UUIDv7", texts)

    def test_what_does_not_fit_the_proto_is_refused(self):
        token = CITY.token("registrar-01", "REGISTRAR")
        self.assertEqual(CITY.call("GET", "/v1/cases?colour=red", token=token)[0], 400)
        status, answer = CITY.call("GET", "/v1/cases?page_token=%FF", token=token)
        self.assertEqual((status, details_of(answer)["ErrorInfo"]["reason"]), (400, "REASON_INVALID_ARGUMENT"))
        self.assertEqual(CITY.call("POST", "/v1/cases/c1:accept", {"request_id": 7, "etag": {}}, token=token)[0], 400)
        self.assertEqual(CITY.call("POST", "/v1/cases/c1:accept", {"etag": "x" * (1 << 20)}, token=token)[0], 413)

    def test_another_service_than_the_one_named_is_not_asked(self):
        token = CITY.token("o", "OPERATOR")
        status, answer = CITY.call("POST", "/v1/control/dispatch/time:advance", {"service": "intake", "time": NOON}, token=token)
        self.assertEqual(status, 400, answer)


class Clerk:
    """Staff at work: each step by somebody whose post it is."""

    def __init__(self, at=NOON):
        self.at = at

    def open(self, request_id, place):
        return self._do("collector-01", "COLLECTOR", "/v1/cases", request_id, source="REPORT_SOURCE_COLLECTOR",
                        class_code="E0110", text="路边有零散垃圾", location=place)

    def step(self, name, verb, request_id, role, subject=None, unit="", **fields):
        return self._do(subject or role.lower(), role, f"/v1/{name}:{verb}", request_id, unit=unit, **fields)

    def _do(self, subject, role, path, request_id, unit="", **fields):
        return CITY.call("POST", path, {"request_id": request_id, **fields}, token=CITY.token(subject, role, unit=unit),
                         civicmesh_time=self.at)


# What follows an opening, up to the closing.
STEPS = [
    ("accept", "REGISTRAR", {}, "CASE_STATUS_ACCEPTED"),
    ("register", "REGISTRAR", {"condition_id": "1"}, "CASE_STATUS_REGISTERED"),
    ("dispatch", "DISPATCHER", {}, "CASE_STATUS_DISPATCHED"),
    ("sign", "UNIT_WORKER", {}, "CASE_STATUS_SIGNED"),
    ("startDisposal", "UNIT_WORKER", {}, "CASE_STATUS_IN_DISPOSAL"),
    ("submitFeedback", "UNIT_WORKER", {"photos": [{**PHOTO, "kind": "KIND_AFTER"}], "note": "已清理"},
     "CASE_STATUS_FEEDBACK_SUBMITTED"),
    ("inspect", "COLLECTOR", {"passed": True, "photos": [{**PHOTO, "kind": "KIND_AFTER"}]}, "CASE_STATUS_CLOSED"),
]


class ACase(unittest.TestCase):
    def test_from_its_opening_to_its_closing(self):
        clerk = Clerk()
        status, case = clerk.open(new_request_id(), centre(DISTRICT["grids"][0]))
        self.assertEqual(status, 200, case)
        for verb, role, fields, becomes in STEPS:
            status, case = clerk.step(case["name"], verb, new_request_id(), role, unit=UNIT if role == "UNIT_WORKER" else "",
                                      **fields)
            self.assertEqual((status, case.get("status")), (200, becomes), f"{verb}: {case.get('message')}")
        self.assertEqual(case["unit"], UNIT)
        self.assertRegex(case["case_number"], "^[0-9]{19}$")
        status, read = CITY.call("GET", f"/v1/{case['name']}", token=CITY.token("registrar-01", "REGISTRAR"))
        self.assertEqual((status, read), (200, case))


class AKill(unittest.TestCase):
    """kill -9 while openings are under way: whoever was answered finds its case, whoever was not asks again."""

    CASES, ANSWERED_BEFORE = 48, 12

    def test_nothing_is_lost_and_nothing_twice(self):
        clerk = Clerk()
        ids = [new_request_id() for _ in range(self.CASES)]
        places = [centre(grid) for grid in DISTRICT["grids"][1:1 + self.CASES]]
        answered, ended = {}, threading.Semaphore(0)

        def open_one(i):
            status, answer = clerk.open(ids[i], places[i])
            if status == 200:
                answered[i] = answer
            ended.release()
            return status

        before = self.published()
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            waiting = [pool.submit(open_one, i) for i in range(self.CASES)]
            for _ in range(self.ANSWERED_BEFORE):
                ended.acquire()
            os.kill(CITY.where["pids"]["dispatch"], signal.SIGKILL)
            statuses = [one.result() for one in waiting]
        self.assertTrue(set(statuses) <= {200, 503, 504}, statuses)
        self.assertLess(len(answered), self.CASES, "the kill came too late to matter")
        CITY.revive()

        acknowledged = {i: answer["name"] for i, answer in answered.items()}
        names = {}
        for i in range(self.CASES):
            status, answer = clerk.open(ids[i], places[i])
            self.assertEqual(status, 200, answer)
            names[i] = answer["name"]
        self.assertEqual({i: names[i] for i in acknowledged}, acknowledged)
        self.assertEqual(len(set(names.values())), self.CASES)
        status, answer = clerk.open(ids[0], places[1])
        self.assertEqual((status, details_of(answer)["ErrorInfo"]["reason"]), (409, "REASON_ALREADY_EXISTS"))

        self.come_to_rest()
        listed = self.listed()
        for name in names.values():
            self.assertEqual(listed.count(name), 1)
        opened = [subject for subject in self.published() if subject not in before]
        self.assertEqual(sorted(opened), sorted(names.values()))

    def listed(self):
        names, page = [], ""
        while True:
            status, answer = CITY.call("GET", f"/v1/cases?page_size=20&page_token={page}", token=CITY.token("a", "ANALYST"))
            self.assertEqual(status, 200, answer)
            names += [case["name"] for case in answer["cases"]]
            page = answer["next_page_token"]
            if not page:
                return names

    def come_to_rest(self):
        token = CITY.token("o", "OPERATOR")
        until = time.monotonic() + 30
        while time.monotonic() < until:
            status, answer = CITY.call("GET", "/v1/control/dispatch/rest", token=token)
            if status == 200 and answer["at_rest"]:
                return
        self.fail(f"not at rest: {answer}")

    def published(self):
        """The case of each CaseOpened on the public topic; a repeated ce_id is one event (R14)."""
        out = subprocess.run(CITY.city.kcat("-C", "-e", "-q", "-t", "civicmesh.dispatch.events.v1", "-f", "%h\n", user="data"),
                             capture_output=True, check=True).stdout.decode()
        events = {}
        for line in out.splitlines():
            headers = dict(pair.split("=", 1) for pair in line.split(",") if "=" in pair)
            events[headers["ce_id"]] = headers
        return [event["ce_subject"] for event in events.values() if event["ce_type"].endswith("CaseOpened")]


if __name__ == "__main__":
    unittest.main()
