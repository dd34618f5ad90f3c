"""Keys at the issuer's URL: services and door follow it, take no bad answer, and go on through an outage, the services for the time
that they were told.

Needs the built programs (CIVICMESH_BIN) and what deploy/install installs.
"""
import dataclasses
import os
import re
import signal
import tempfile
import time
import unittest

import jwt

from door_alone import AUDIENCE, ISSUER, LIST_CASES, DoorAlone, Part, envoy_command, json, limits
from fake_issuer import FakeIssuer, key_set
from frames import Client
from tokens import bearer, headers, new_key
from town import AskedTown

GOOD_FOR = 25  # seconds: a service is killed and comes back within
BAD = {"no JSON": b"<!DOCTYPE html><title>Sign in</title>", "no set": b"{}", "nobody's": b'{"keys":[]}', "nothing": b"",
       "large": b" " * (1 << 20)}


def soon(test, holds, seconds=20):
    until = time.monotonic() + seconds
    while not holds():
        test.assertLess(time.monotonic(), until)
        time.sleep(0.05)


class WithIssuer(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="issuer-")
        self.addCleanup(folder.cleanup)
        self.issuer = FakeIssuer(folder.name)
        self.addCleanup(self.issuer.go)

    def asked_again(self):
        """Until it was asked twice from now on: what it answered once has been looked at then."""
        before = self.issuer.asked
        soon(self, lambda: self.issuer.asked >= before + 2)


class DoorTest(WithIssuer):
    def setUp(self):
        super().setUp()
        self.first, self.second = new_key(), new_key()
        self.issuer.answer = key_set(first=self.first)

    def door(self, **place):
        door = DoorAlone(services=("dispatch", "intake"), fakes=("dispatch", "intake"), jwks=self.issuer.url,
                         of=dataclasses.replace(limits.Limits(), keys_every=1, keys_retry=1),
                         **{"jwks_authorities": str(self.issuer.authorities), **place})
        self.addCleanup(door.remove)
        return door

    @staticmethod
    def status(door, kid, key):
        claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "x", "exp": int(time.time()) + 600}
        return door.get("/v1/cases", *headers([bearer(jwt.encode(claims, key, algorithm="ES256", headers={"kid": kid}))])).status

    def test_it_follows_the_issuer_and_takes_no_bad_answer(self):
        door = self.door()
        self.assertEqual(self.status(door, "first", self.first), 200)
        self.assertEqual(self.status(door, "second", self.second), 401)
        for what, self.issuer.answer in BAD.items():
            with self.subTest(what):
                self.asked_again()
                self.assertEqual(self.status(door, "first", self.first), 200)
        self.issuer.answer, self.issuer.status = key_set(second=self.second), 500
        self.asked_again()
        self.assertEqual((self.status(door, "first", self.first), self.status(door, "second", self.second)), (200, 401))
        self.issuer.status = 200
        soon(self, lambda: self.status(door, "second", self.second) == 200)
        self.assertEqual(self.status(door, "first", self.first), 401)

    def test_through_an_outage_it_goes_on_but_a_start_in_it_waits(self):
        door = self.door()
        self.assertEqual(self.status(door, "first", self.first), 200)
        self.issuer.go()
        until = time.monotonic() + 5
        while time.monotonic() < until:  # several times what a set is kept for
            self.assertEqual(self.status(door, "first", self.first), 200)
        door.stop()
        door.parts.start(Part("envoy", envoy_command(door.folder / "envoy.json")))
        door.parts.await_ready("envoy", lambda: door.admin("/ready") is not None, 60)
        listener = json.loads(door.admin("/listeners?format=json"))["listener_statuses"][0]
        door.address = ("127.0.0.1", listener["local_address"]["socket_address"]["port_value"])
        self.assertEqual(self.status(door, "first", self.first), 401)
        self.assertEqual(door.get("/v1/reports", method="POST").status, 200)
        self.issuer.come()
        soon(self, lambda: self.status(door, "first", self.first) == 200)

    def test_it_believes_no_server_that_nobody_vouches_for(self):
        self.assertEqual(self.status(self.door(jwks_authorities="/etc/ssl/certs/ca-certificates.crt"), "first", self.first), 401)
        self.assertEqual(self.issuer.asked, 0)


class TownOfIssuer(AskedTown):
    """Its own key is the issuer's first."""

    def __init__(self, issuer):
        self.issuer = issuer
        super().__init__("issuer-", "--services=dispatch", "--development-tokens", f"--jwks-url={issuer.url}",
                         f"--jwks-authorities={issuer.authorities}")

    def revive(self):
        self.issuer.answer = (self.folder / "keys/jwks.json").read_bytes if self.issuer.answer == b"" else self.issuer.answer
        super().revive()


class ServicesTest(WithIssuer):
    def setUp(self):
        super().setUp()
        for name, value in (("EVERY", 1), ("GOOD_FOR", GOOD_FOR)):
            os.environ[f"CIVICMESH_JWKS_{name}_S"] = str(value)
            self.addCleanup(os.environ.pop, f"CIVICMESH_JWKS_{name}_S")
        self.town = TownOfIssuer(self.issuer)
        self.addCleanup(self.town.remove)

    def through_the_door(self):
        status, answer = self.town.call("GET", "/v1/cases", token=self.town.token("x", "REGISTRAR"))
        return status, next((detail["reason"] for detail in answer.get("details", []) if "reason" in detail), None)

    def straight(self, key, kid):
        claims = {**self.town.claims, "sub": "x", "roles": ["REGISTRAR"], "exp": int(time.time()) + 600}
        with Client(self.town.where["sockets"]["dispatch"]) as client:
            token = bearer(jwt.encode(claims, key, algorithm="ES256", headers={"kid": kid}))
            return client.grpc(LIST_CASES, headers=headers([token])).grpc_status

    def metric(self, name, **labels):
        text = self.town.read("/v1/control/dispatch/metrics", token=self.town.token("o", "OPERATOR")).decode()
        which = ",".join(f'{label}="{value}"' for label, value in {"domain": "dispatch", **labels}.items())
        found = re.search(rf"^civicmesh_key_set_{name}\{{{which}\}} (\S+)$", text, re.MULTILINE)
        return float(found[1])

    def test_services_follow_the_issuer_and_go_on_without_it_for_the_stated_time(self):
        ours, second = (self.town.signing_key, self.town.kid), new_key()
        self.assertEqual(self.through_the_door(), (200, None))
        for what, self.issuer.answer in {**BAD, "private": json.dumps({"keys": [{
                **json.loads(key_set(k=second))["keys"][0], "d": "AAAA"}]}).encode()}.items():
            with self.subTest(what):
                self.asked_again()
                self.assertEqual((self.straight(*ours), self.straight(second, "k")), (0, 16))
        self.assertGreaterEqual(self.metric("fetches", outcome="unusable"), len(BAD) + 1)
        self.issuer.answer = key_set(**{ours[1]: ours[0], "second": second})
        soon(self, lambda: self.straight(second, "second") == 0)
        self.assertEqual(self.straight(*ours), 0)
        self.assertLess(self.metric("age_seconds"), 5)

        self.issuer.go()
        away = time.monotonic()
        os.kill(self.town.where["pids"]["dispatch"], signal.SIGKILL)
        self.town.revive()
        self.assertEqual(self.through_the_door(), (200, None), "it has kept what it got")
        self.assertEqual(self.straight(second, "second"), 0)
        soon(self, lambda: self.through_the_door() == (503, "REASON_ISSUER_AWAY"), 2 * GOOD_FOR)
        self.assertGreater(time.monotonic() - away, GOOD_FOR - 3)
        self.assertTrue(self.town.city.healthy("dispatch"), "who needs no token is served")
        self.issuer.come()
        soon(self, lambda: self.through_the_door() == (200, None))


if __name__ == "__main__":
    unittest.main()
