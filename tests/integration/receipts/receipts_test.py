"""Citizens report while what decides is away: Redis stopped, and the owner of a shard killed beside another replica. What
was taken in is said to be received, and once it is decided its receipt brings the report or the refusal (R13).

Needs the built programs (CIVICMESH_BIN) and what deploy/install installs.
"""
import concurrent.futures
import hashlib
import json
import pathlib
import re
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from town import AskedTown, cities, new_request_id  # pylint: disable=wrong-import-position

NOON = "2026-09-02T04:00:00Z"
NEVER = "2031-01-01T00:00:00Z"  # ahead of time: a report that claims it is refused by the shard
PLACE = {"latitude": 30.3, "longitude": 119.97}
PATIENCE = 90  # seconds; only for a test that fails
RECEIVED, FORWARDED = "REPORT_STATUS_RECEIVED", "REPORT_STATUS_FORWARDED"


def setUpModule():  # pylint: disable=invalid-name
    global CITY
    CITY = AskedTown("rcp-", "--services=intake", "--development-tokens")
    unittest.addModuleCleanup(CITY.remove)


def request_id_of(shard):
    while True:
        one = new_request_id()
        if int.from_bytes(hashlib.sha256(one.encode()).digest()[:8], "big") % CITY.where["shards"] == shard:
            return one


def reason_of(answer):
    return next(detail["reason"] for detail in answer["details"] if detail["@type"].endswith("ErrorInfo"))


class Report:
    """One submission with all its answers."""

    def __init__(self, shard, subject="", **fields):
        self.token = CITY.token(subject, "CITIZEN") if subject else None
        self.body = {"request_id": request_id_of(shard), "text": "路灯不亮", "location": PLACE, "anonymous": not subject, **fields}

    def submit(self):
        status, self.answer = CITY.call("POST", "/v1/reports", self.body, token=self.token, civicmesh_time=NOON)
        return status, self.answer

    def ask(self, token=None, **instead):
        body = {"receipt": self.answer["receipt"], "tracking_code": self.answer["tracking_code"], **instead}
        return CITY.call("POST", f"/v1/{self.answer['name']}:track", body, token=token or self.token)

    def outcome(self):
        """What becomes of it: the first answer that is not RECEIVED, as its status, or the reason of its refusal."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            status, answer = self.ask()
            if status == 200 and answer["status"] != RECEIVED:
                return answer["status"]
            if status not in (200, 503, 504):
                return reason_of(answer)
        return f"still {status} {answer}"


def submit_all(reports):
    with concurrent.futures.ThreadPoolExecutor(len(reports)) as pool:
        return list(pool.map(Report.submit, reports))


def shards_here():
    """The shards that the replica behind the door decides."""
    status, answer = CITY.call("GET", "/v1/control/intake/shards", token=CITY.token("o", "OPERATOR"))
    return {shard["shard"] for shard in answer["shards"] if shard["serving"]} if status == 200 else None


class WhileDecidersAreAway(unittest.TestCase):
    def received(self, reports):
        for report, (status, answer) in zip(reports, submit_all(reports)):
            self.assertEqual((status, answer.get("status")), (200, RECEIVED), answer)
            self.assertTrue(answer["receipt"] and answer["status_zh"], answer)
            self.assertEqual(bool(answer["tracking_code"]), report.token is None)
        for report in reports:
            status, answer = report.ask()
            self.assertEqual((status, answer.get("status")), (200, RECEIVED), answer)
            self.assertEqual((answer["name"], answer["receipt"]), (report.answer["name"], report.answer["receipt"]))

    def decided(self, reports, refused):
        self.assertEqual([report.outcome() for report in reports], [FORWARDED] * len(reports))
        self.assertEqual(refused.outcome(), "REASON_AHEAD_OF_TIME")
        for report in reports:
            name, code = report.answer["name"], report.answer["tracking_code"]
            status, answer = report.submit()
            self.assertEqual((status, answer.get("status"), answer.get("name"), answer.get("tracking_code")),
                             (200, FORWARDED, name, code), answer)

    def open_to_reports(self):
        """Healthy by its own word, and let to by the door."""
        self.assertTrue(CITY.city.healthy("intake"))
        clusters = json.loads(cities.ask_unix(CITY.where["envoy_admin"], "/clusters?format=json"))["cluster_statuses"]
        host = next(one for one in clusters if one["name"] == "intake")["host_statuses"][0]
        self.assertEqual(host["health_status"], {"eds_health_status": "HEALTHY"})

    def test_redis_stopped(self):
        shards = range(CITY.where["shards"])
        # By now it knows the standard that reports are classified by.
        self.assertEqual(Report(0, "early").submit()[1].get("status"), FORWARDED)
        CITY.city.parts.stop("redis")
        reports = [Report(shard, f"citizen-{shard}") for shard in shards] + [Report(0), Report(5)]
        refused = Report(3, "citizen-3", reported_at=NEVER)
        self.received([*reports, refused])
        self.open_to_reports()

        one, anonymous = reports[0], reports[-1]
        forged = one.answer["receipt"][:-10] + ("A" if one.answer["receipt"][-10] != "A" else "B") + one.answer["receipt"][-9:]
        for (status, answer), expected in (
                (one.ask(receipt=forged), (400, "REASON_RECEIPT_INVALID")),
                (one.ask(receipt=reports[1].answer["receipt"]), (403, "REASON_RECEIPT_NOT_YOURS")),
                (one.ask(token=CITY.token("somebody", "CITIZEN")), (403, "REASON_RECEIPT_NOT_YOURS")),
                (anonymous.ask(tracking_code="k3f7-02mz-9qpa-x5te"), (403, "REASON_RECEIPT_NOT_YOURS")),
                (one.ask(receipt=""), (503, "REASON_RECOVERING"))):
            self.assertEqual((status, reason_of(answer)), expected)

        CITY.revive()
        self.decided(reports, refused)

    def test_the_owner_killed_beside_another_replica(self):
        with Replica() as other:
            away = other.shards()
            before = heard_by_answer()
            for shard in away:
                self.assertEqual(Report(shard, "early").submit()[1].get("status"), FORWARDED)
            # What the other one decided came over its channel, not (only) by look-ups.
            self.assertGreater(heard_by_answer(), before)
            other.kill()
            reports = [Report(shard, "citizen") for shard in away] + [Report(min(away))]
            refused = Report(max(away), "citizen", reported_at=NEVER)
            self.received([*reports, refused])
            self.open_to_reports()
            self.decided(reports, refused)


def heard_by_answer():
    text = CITY.read("/v1/control/intake/metrics", token=CITY.token("o", "OPERATOR")).decode()
    return float(re.search(r'^civicmesh_outcomes_heard\{[^}]*by="answer"[^}]*\} (\S+)$', text, re.MULTILINE)[1])


class Replica:
    """A second process of intake, started as the one behind the door, which does not know of it."""

    def __enter__(self):
        pid = CITY.where["pids"]["intake"]
        argv = pathlib.Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8").split("\0")[:-1]
        argv = [f"--listen=unix:{CITY.folder}/other.sock" if one.startswith("--listen=") else one for one in argv]
        env = dict(pair.split("=", 1) for pair in pathlib.Path(f"/proc/{pid}/environ").read_text(encoding="utf-8").split("\0")[:-1])
        with open(CITY.folder / "log/other.log", "ab") as log:
            self._process = subprocess.Popen(argv, env=env, stdout=log, stderr=log)
        return self

    def __exit__(self, *_):
        self.kill()

    def kill(self):
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def shards(self):
        """The shards that it has taken over and answers for."""
        everything, until = set(range(CITY.where["shards"])), time.monotonic() + PATIENCE
        while time.monotonic() < until:
            here = shards_here()
            away = everything - here if here else set()
            if away and all(one.get("status") == FORWARDED for _, one in submit_all([Report(shard, "early") for shard in away])):
                if shards_here() == here:
                    return sorted(away)
        raise AssertionError("the other replica owns nothing")


if __name__ == "__main__":
    unittest.main()
