"""An agency that is told over HTTP: every event that it asked for, signed, those of a report in their order, also over its own
outages and a kill of the sender, and again when it asks for it.

Needs the built programs (CIVICMESH_BIN) and what deploy/install installs.
"""
import base64
import collections
import hashlib
import hmac
import http.server
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from town import AskedTown, new_request_id  # pylint: disable=wrong-import-position

NOON = "2026-09-02T04:00:00Z"
PLACE = {"latitude": 30.3, "longitude": 119.97}
PATIENCE = 120  # seconds; only for a test that fails
SECRET = "a secret of the water bureau's, 40 bytes"
SUBMITTED, FORWARDED = "civicmesh.intake.v1.ReportSubmitted", "civicmesh.intake.v1.ReportForwarded"


class Agency(http.server.ThreadingHTTPServer):
    """Keeps what it took, and apart what came for the witness; `answer` is what it says."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Desk)
        self.answer, self.taken, self.seen, self.refused = 200, [], [], 0
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}/civicmesh"

    def await_taken(self, enough, of=None):
        events, until = self.taken if of is None else of, time.monotonic() + PATIENCE
        while not enough(events):
            if time.monotonic() > until:
                raise AssertionError(f"taken: {[one['id'] for one in events]}")
            time.sleep(0.05)


class Desk(http.server.BaseHTTPRequestHandler):
    def do_POST(self):  # pylint: disable=invalid-name
        body = self.rfile.read(int(self.headers["content-length"]))
        text = f"{self.headers['webhook-id']}.{self.headers['webhook-timestamp']}.".encode() + body
        mac = base64.b64encode(hmac.new(SECRET.encode(), text, hashlib.sha256).digest()).decode()
        fresh = abs(int(self.headers["webhook-timestamp"]) - time.time()) < 300
        signed = hmac.compare_digest(self.headers["webhook-signature"], f"v1,{mac}")
        status = self.server.answer if signed and fresh else 401
        if status == 200:
            (self.server.seen if self.path == "/witness" else self.server.taken).append(json.loads(body))
        else:
            self.server.refused += 1
        self.send_response(status)
        self.end_headers()

    def log_message(self, *_):  # pylint: disable=arguments-differ
        pass


def setUpModule():  # pylint: disable=invalid-name
    global CITY, AGENCY
    AGENCY = Agency()
    CITY = AskedTown("whk-", "--services=intake")
    unittest.addModuleCleanup(CITY.remove)
    (CITY.folder / "secret").write_text(SECRET + "\n", encoding="ascii")
    subscribe()
    CITY.revive()
    # Who subscribes hears what comes from then on: begin once it has heard of something.
    until = time.monotonic() + PATIENCE
    while not AGENCY.taken and time.monotonic() < until:
        submit()
        time.sleep(0.2)


def subscribe(**more):
    """Replaces the file in one step. A second subscription is a witness of what is told."""
    one = {"id": "water", "url": AGENCY.url(), "secret_file": str(CITY.folder / "secret"), "events": [SUBMITTED, FORWARDED], **more}
    new = CITY.folder / "webhooks.new"
    witness = {"id": "witness", "url": AGENCY.url().replace("/civicmesh", "/witness"), "secret_file": one["secret_file"], "events": one["events"]}
    new.write_text(json.dumps({"subscriptions": [one, witness]}), encoding="utf-8")
    new.rename(CITY.folder / "webhooks.json")


def submit():
    status, answer = CITY.call("POST", "/v1/reports", {"request_id": new_request_id(), "text": "路灯不亮", "location": PLACE, "anonymous": True},
                               civicmesh_time=NOON)
    assert status == 200, answer
    return answer["name"]


def both(names):
    """Whether each of the reports has been told of from its submission on."""
    def told(taken):
        of = collections.defaultdict(set)
        for one in taken:
            of[one["subject"]].add(one["type"])
        return all(of[name] == {SUBMITTED, FORWARDED} for name in names)
    return told


class Webhooks(unittest.TestCase):
    def in_order(self, names):
        for name in names:
            first = {}
            for place, one in enumerate(AGENCY.taken):
                if one["subject"] == name:
                    first.setdefault(one["type"], place)
            self.assertLess(first[SUBMITTED], first[FORWARDED], name)

    def test_over_outages_and_a_kill_everything_is_told_in_order(self):
        names = [submit() for _ in range(5)]
        AGENCY.await_taken(both(names))
        event = next(one for one in AGENCY.taken if one["subject"] == names[0] and one["type"] == FORWARDED)
        self.assertEqual((event["specversion"], event["datacontenttype"]), ("1.0", "application/json"))
        self.assertEqual((event["data"]["context"]["report"], event["data"]["masked_text"]), (names[0], "路灯不亮"))

        AGENCY.answer = 503
        refused = AGENCY.refused
        names += [submit() for _ in range(5)]
        AGENCY.await_taken(lambda _: AGENCY.refused > refused)
        os.kill(CITY.where["pids"]["webhooks"], signal.SIGKILL)
        names += [submit() for _ in range(5)]
        CITY.revive()
        AGENCY.answer = 200
        AGENCY.await_taken(both(names))
        self.in_order(names)

    def test_a_replay_tells_again_from_where_it_says(self):
        first, second = submit(), submit()
        AGENCY.await_taken(both([first, second]))
        event = next(one for one in AGENCY.taken if one["subject"] == second and one["type"] == SUBMITTED)
        seen = len(AGENCY.taken)
        subscribe(replay={"name": "again", "from": event["id"]})
        AGENCY.await_taken(lambda taken: both([second])(taken[seen:]))
        self.assertEqual(AGENCY.taken[seen]["id"], event["id"])

    def figures(self, of="water"):
        text = CITY.read("/v1/control/webhooks/metrics", CITY.token("operator-01", "OPERATOR")).decode()
        return {name: float(value) for name, value in re.findall(rf'civicmesh_webhook_(\w+){{domain="webhooks",subscription="{of}"}} (\S+)', text)}

    def until(self, holds):
        until = time.monotonic() + PATIENCE
        while not holds():
            self.assertLess(time.monotonic(), until)
            time.sleep(0.05)

    def test_its_metrics_are_those_of_the_door(self):
        AGENCY.await_taken(both([submit()]))
        self.until(lambda: self.figures()["waiting_seconds"] == 0 and self.figures()["delivered"] > 0)
        AGENCY.answer = 503
        submit()
        try:
            self.until(lambda: self.figures()["waiting_seconds"] > 1 and self.figures()["failed"] > 1)
        finally:
            AGENCY.answer = 200
        self.until(lambda: self.figures()["waiting_seconds"] == 0)

    def test_of_two_one_waits_and_goes_on_when_the_other_is_killed(self):
        pid = CITY.where["pids"]["webhooks"]
        command = pathlib.Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8").rstrip("\0").split("\0")
        command = [f"--listen=unix:{CITY.folder}/second.sock" if part.startswith("--listen=") else part for part in command]
        # The one that was there gives its turn back when the second comes, and either gets it.
        logs = [CITY.folder / f"log/{name}.log" for name in ("webhooks", "second")]
        turns = lambda log: re.findall(r'"event":"turn","ours":(true|false)', log.read_text())
        sends = lambda log: turns(log)[-1:] == ["true"]
        before = len(turns(logs[0]))
        with open(CITY.folder / "log/second.log", "wb") as log:
            second = subprocess.Popen(command, env={**os.environ, **CITY.city.access("webhooks")}, stderr=log, cwd=CITY.folder)
        self.addCleanup(second.wait)
        self.addCleanup(second.kill)
        self.until(lambda: len(turns(logs[0])) > before and sorted(map(sends, logs)) == [False, True])
        # And it has begun, or rests.
        self.until(lambda: ("subscriptions" if sends(logs[1]) else "sends nothing") in logs[1].read_text())
        self.assertEqual("subscriptions" in logs[1].read_text(), sends(logs[1]))
        taken = len(AGENCY.taken)
        name = submit()
        AGENCY.await_taken(both([name]))
        self.assertEqual(sorted(one["type"] for one in AGENCY.taken[taken:] if one["subject"] == name), [FORWARDED, SUBMITTED])

        os.kill(pid if sends(logs[0]) else second.pid, signal.SIGKILL)
        AGENCY.await_taken(both([submit()]))
        second.kill()
        CITY.revive()
        AGENCY.await_taken(both([submit()]))

    def test_paused_it_is_told_later(self):
        AGENCY.await_taken(both([submit()]))
        subscribe(paused=True)
        log = CITY.folder / "log/webhooks.log"
        until, takings = time.monotonic() + PATIENCE, log.read_text().count('"event":"subscriptions"')
        while log.read_text().count('"event":"subscriptions"') == takings and time.monotonic() < until:
            time.sleep(0.05)
        name = submit()
        AGENCY.await_taken(both([name]), of=AGENCY.seen)
        self.assertFalse(both([name])(AGENCY.taken))
        subscribe()
        AGENCY.await_taken(both([name]))


if __name__ == "__main__":
    unittest.main()
