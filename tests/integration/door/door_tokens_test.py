"""Hostile tokens end at the door: no service is asked, over JSON, gRPC or gRPC-Web, not even where no token is needed."""
import unittest

import plain
from door_alone import AUDIENCE, ISSUER, LIST_CASES, DoorAlone
from frames import Client
from tokens import Forge, bearer, headers

SUBMIT = "/civicmesh.intake.v1.IntakeService/SubmitReport"


class HostileTokensTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.door = DoorAlone(services=("dispatch", "intake"), fakes=("dispatch", "intake"))
        cls.addClassCleanup(cls.door.remove)
        cls.forge = Forge(cls.door.key, cls.door.kid, ISSUER, AUDIENCE)

    def asked(self):
        return sum(len(fake.asked) for fake in self.door.fakes.values())

    def json(self, method, path, values):
        lines = [f"{name}: {value}" for name, value in headers(values)]
        return plain.exchange(self.door.address, plain.head(method, path, *lines))

    def test_in_json(self):
        before = self.asked()
        for what, values in self.forge.hostile().items():
            for method, path in (("GET", "/v1/cases"), ("POST", "/v1/reports")):
                with self.subTest(what, path=path):
                    answer = self.json(method, path, values)
                    self.assertEqual((answer.status, answer.reason), (401, "REASON_UNAUTHENTICATED"))
        self.assertEqual(self.asked(), before)

    def test_over_grpc(self):
        before = self.asked()
        for what, values in self.forge.hostile().items():
            for method, kind in ((LIST_CASES, "application/grpc"), (SUBMIT, "application/grpc"), (LIST_CASES, "application/grpc-web")):
                with self.subTest(what, method=method, kind=kind), Client(self.door.address) as client:
                    self.assertEqual(client.grpc(method, headers=headers(values), content_type=kind).grpc_status, 16)
        self.assertEqual(self.asked(), before)

    def test_one_that_is_good_once_passes_once_whatever_it_asks(self):
        for kind in ("json", "application/grpc", "application/grpc-web"):
            token = [bearer(self.forge.once())]
            with self.subTest(kind), Client(self.door.address) as client:
                ask = lambda method, token=token, kind=kind: client.grpc(method, headers=headers(token), content_type=kind)
                first = self.json("GET", "/v1/cases", token).status if kind == "json" else ask(LIST_CASES).status
                self.assertEqual(first, 200)
                before = self.asked()
                for path in ("/v1/cases", "/v1/cases/c1"):
                    again = self.json("GET", path, token)
                    self.assertEqual((again.status, again.reason), (401, "REASON_UNAUTHENTICATED"))
                for method in (LIST_CASES, SUBMIT):
                    self.assertEqual(ask(method, kind="application/grpc").grpc_status, 16)
                    self.assertEqual(ask(method, kind="application/grpc-web").grpc_status, 16)
                self.assertEqual(self.asked(), before)
        another = self.forge.once(jti="another")
        self.assertEqual([self.json("GET", "/v1/cases", [bearer(another)]).status for _ in range(2)], [200, 401])
        self.assertEqual(self.json("GET", "/v1/cases", [bearer(self.forge.once(jti="another", sub="y"))]).status, 401)

    def test_an_id_alone_limits_nothing(self):
        token = [bearer(self.forge.token(jti="usual"))]
        self.assertEqual([self.json("GET", "/v1/cases", token).status for _ in range(3)], [200] * 3)

    def test_good_ones_come_through_unchanged(self):
        for what, values in self.forge.good().items():
            with self.subTest(what):
                self.assertEqual(self.json("GET", "/v1/cases", values).status, 200)
                self.assertEqual(self.door.fakes["dispatch"].asked[-1]["authorization"], values[0])
        self.assertEqual(self.json("POST", "/v1/reports", []).status, 200)
        self.assertEqual(self.json("GET", "/v1/cases", []).status, 401)

    def test_a_token_elsewhere_is_none(self):
        token = self.forge.token()
        for path in (f"/v1/cases?access_token={token}", f"/v1/cases?token={token}"):
            self.assertIn(self.json("GET", path, []).status, (400, 401))
        answer = self.door.get("/v1/cases", ("cookie", f"authorization={token}"), ("x-authorization", f"Bearer {token}"))
        self.assertEqual(answer.status, 401)


if __name__ == "__main__":
    unittest.main()
