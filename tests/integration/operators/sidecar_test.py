"""Redis behind stunnel on both sides, with the very settings of docs/operations.md: a city works through it, goes on after either of
the two was killed, strangers are refused, and nothing can be read in between.

Needs the built programs (CIVICMESH_BIN), stunnel4 and what deploy/install installs.
"""
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from town import BIN, ROOT, AskedTown, new_request_id  # pylint: disable=wrong-import-position
import broker  # pylint: disable=wrong-import-position
from certificates import Authority  # pylint: disable=wrong-import-position
from processes import Part, Parts  # pylint: disable=wrong-import-position

NOON = "2026-12-02T04:00:00Z"  # a Wednesday, worked
TEXT = "路边有零散垃圾"
PATIENCE = 90  # seconds; only for a test that fails


def documented(side, of="stunnel"):
    """The settings of one side, as they are written for operators."""
    text = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    return re.search(rf"```\n(# {of} beside {side}\b.*?)```", text, re.DOTALL)[1]


def listens(address):
    with socket.socket(socket.AF_INET if isinstance(address, tuple) else socket.AF_UNIX) as sock:
        return sock.connect_ex(address if isinstance(address, tuple) else str(address)) == 0


def replaced(text, places):
    for old, new in places.items():
        if old not in text:
            raise AssertionError(f"no {old} in\n{text}")
        text = text.replace(old, str(new))
    return text


class Recorder:
    """Carries connections to `goal` and keeps every byte; listens at the unix socket `path`, or at a port of loopback."""

    def __init__(self, goal, path=None):
        self.goal, self.kept = goal, bytearray()
        self._listener = socket.socket(socket.AF_UNIX if path else socket.AF_INET)
        self._listener.bind(str(path) if path else ("127.0.0.1", 0))
        self._listener.listen()
        self.port = None if path else self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            here, _ = self._listener.accept()
            threading.Thread(target=self._serve, args=[here], daemon=True).start()

    def _serve(self, here):
        with here, socket.socket(socket.AF_INET if isinstance(self.goal, tuple) else socket.AF_UNIX) as there:
            try:
                there.connect(self.goal)
            except OSError:
                return
            back = threading.Thread(target=self._carry, args=[there, here], daemon=True)
            back.start()
            self._carry(here, there)
            back.join()

    def _carry(self, one, other):
        with contextlib.suppress(OSError):
            while data := one.recv(65536):
                self.kept += data
                other.sendall(data)
        for each in (one, other):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


class Tunnel:
    """From the unix socket `accept` to the Redis at `redis`, with a recorder between the sidecars and one behind them."""

    def __init__(self, accept, redis):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="tun-"))
        self.parts = Parts(self.folder)
        self.ours, self.strangers = Authority(self.folder, "ours"), Authority(self.folder, "strangers")
        port, inner = broker.free_port(), self.folder / "inner.sock"
        self.behind = Recorder(str(redis), inner)
        self.between = Recorder(("127.0.0.1", port))
        self._redis = replaced(documented("Redis"), {
            "accept = 6380": f"accept = 127.0.0.1:{port}", "/run/redis/redis.sock": inner,
            "/etc/stunnel/redis.pem": self.ours.sign("redis", "DNS:redis.internal"), "/etc/stunnel/ca.pem": self.ours.certificate})
        self._service = replaced(documented("the services"), {"redis.internal:6380": f"127.0.0.1:{self.between.port}"})
        self.pem = self.ours.sign("service", "DNS:service.internal")
        self.accept = accept
        self.start("redis")
        self.start("service")

    def remove(self):
        self.parts.stop(*self.parts.running())
        shutil.rmtree(self.folder)

    def service(self, accept, pem="", authority=""):
        """The settings beside a service."""
        return replaced(self._service, {"/run/civicmesh/redis.sock": accept, "/etc/stunnel/service.pem": pem or self.pem,
                                        "/etc/stunnel/ca.pem": authority or self.ours.certificate})

    def start(self, name, text=None, accept=None):
        """As systemd would. `text`, `accept`: of another sidecar than the two that are documented."""
        file = self.folder / f"{name}.conf"
        file.write_text(text or (self._redis if name == "redis" else self.service(self.accept)), encoding="utf-8")
        accept = accept or (self.between.goal if name == "redis" else self.accept)
        unit = replaced(documented("the services", "systemd"), {"/run/civicmesh/redis.sock": accept, "/etc/stunnel/civicmesh-redis.conf": file})
        before, command = (re.search(rf"(?m)^{key}=(.*)$", unit)[1] for key in ("ExecStartPre", "ExecStart"))
        if name != "redis":
            subprocess.run(before.split(), check=True)
        self.parts.start(Part(name, command.split()))
        self.parts.await_ready(name, lambda: listens(accept), PATIENCE)

    def said(self, name):
        return self.parts.log(name).read_text(encoding="utf-8", errors="replace")

    def kill(self, name):
        os.kill(self.parts.pid(name), signal.SIGKILL)


def setUpModule():  # pylint: disable=invalid-name
    global CITY, TUNNEL
    CITY = AskedTown("sdc-", "--services=dispatch", "--development-tokens")
    unittest.addModuleCleanup(CITY.remove)
    CITY.city.parts.stop("dispatch")
    itself = CITY.folder / "redis-itself.sock"
    CITY.city.redis.rename(itself)
    TUNNEL = Tunnel(CITY.city.redis, itself)
    unittest.addModuleCleanup(TUNNEL.remove)
    CITY.revive()


def call(method, path, body=None):
    return CITY.call(method, path, body, CITY.token("collector-01", "COLLECTOR", "OPERATOR"), civicmesh_time=NOON)


def open_case(request_id):
    ring = json.loads((ROOT / "deploy/sample/district.json").read_text(encoding="utf-8"))["grids"][0]["ring"]
    place = {axis: sum(point[axis] for point in ring) / len(ring) for axis in ("latitude", "longitude")}
    return call("POST", "/v1/cases", {"request_id": request_id, "source": "REPORT_SOURCE_COLLECTOR", "class_code": "E0110", "text": TEXT,
                                      "location": place})


def ping(path):
    command, env = broker.redis_cli(path, CITY.city.guard)
    return subprocess.run([*command, "ping"], capture_output=True, env=env, check=False, timeout=PATIENCE).stdout.strip()


def eventually(test, holds):
    until = time.monotonic() + PATIENCE
    while not holds():
        test.assertLess(time.monotonic(), until)
        time.sleep(0.05)


class Sidecar(unittest.TestCase):
    def test_a_city_works_through_it_and_nothing_can_be_read_in_between(self):
        status, case = open_case(new_request_id())
        self.assertEqual(status, 200, case)
        self.assertEqual(call("GET", f"/v1/{case['name']}")[0], 200)
        secrets = [CITY.city.guard.redis_password("dispatch").encode(), b"civicmesh:dispatch:", TEXT.encode(), b"HGET", case["name"].encode()]
        self.assertEqual([secret for secret in secrets if secret not in TUNNEL.behind.kept], [])  # so that looking for them means something
        self.assertEqual([secret for secret in secrets if secret in TUNNEL.between.kept], [])
        self.assertGreater(len(TUNNEL.between.kept), len(TUNNEL.behind.kept))

    def test_its_socket_is_its_users_alone(self):
        self.assertEqual(CITY.city.redis.stat().st_mode & 0o022, 0)

    def test_it_goes_on_after_either_was_killed(self):
        opened = []
        for name in ("service", "redis"):
            status, case = open_case(new_request_id())
            self.assertEqual(status, 200, case)
            opened.append(case["name"])
            TUNNEL.kill(name)
            eventually(self, lambda: call("GET", f"/v1/{opened[0]}")[0] == 503)
            request = new_request_id()
            open_case(request)  # whatever comes of it
            TUNNEL.start(name)
            eventually(self, lambda request=request: open_case(request)[0] == 200)
            opened.append(open_case(request)[1]["name"])
            eventually(self, lambda: all(call("GET", f"/v1/{case}")[0] == 200 for case in opened))
        self.assertEqual(len(set(opened)), 4)
        eventually(self, lambda: b"equal" in CITY.run(BIN / "civicctl", "verify", f"--kafka={CITY.city.kafka}", "--domain=dispatch",
                                                      f"--redis=unix:{CITY.city.redis}"))

    def test_strangers_are_refused(self):
        stranger = TUNNEL.strangers.sign("stranger", "DNS:service.internal")
        tried = {"good": lambda at: TUNNEL.service(at),
                 "trusts-another": lambda at: TUNNEL.service(at, authority=TUNNEL.strangers.certificate),
                 "wants-another-host": lambda at: TUNNEL.service(at).replace("checkHost = redis.internal", "checkHost = other.internal"),
                 "is-of-another": lambda at: TUNNEL.service(at, pem=stranger),
                 "has-none": lambda at: re.sub(r"(?m)^cert = .*\n", "", TUNNEL.service(at))}
        answers = {}
        for name, settings in tried.items():
            path = TUNNEL.folder / f"{name}.sock"
            TUNNEL.start(name, settings(path), path)
            answers[name] = ping(path)
        self.assertEqual(answers, {**{name: b"" for name in tried}, "good": b"PONG"})
        for name, words in (("trusts-another", "certificate verify failed"), ("wants-another-host", "certificate verify failed"),
                            ("redis", "certificate verify failed"), ("redis", "peer did not return a certificate")):
            self.assertIn(words, TUNNEL.said(name))


if __name__ == "__main__":
    unittest.main()
