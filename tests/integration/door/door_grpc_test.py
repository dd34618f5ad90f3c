"""What the door itself refuses reads alike in JSON, over gRPC (a library's client) and over gRPC-Web: code, reason, texts, when to come
again. Libraries compare the code and the message with those in the details: here as well."""
import base64
import dataclasses
import threading
import unittest

import grpc
from google.protobuf import json_format

from door_alone import AUDIENCE, ISSUER, LIST_CASES, DoorAlone, keep_accepting, limits, until_overloaded
from fake_service import SILENCE
from frames import Client
from tokens import Forge, bearer

LIST_REPORTS = "/civicmesh.intake.v1.IntakeService/ListReports"
SMALL = limits.Limits(whole_request=1, answer=0.6, retry_after=7)
INVALID, EXHAUSTED, UNIMPLEMENTED, UNAVAILABLE, UNAUTHENTICATED = 3, 8, 12, 14, 16


@dataclasses.dataclass
class Refusal:
    """As a client finds it, whichever way it came."""

    code: int
    message: str
    details: list
    headers: dict


class RefusalsTest(unittest.TestCase):
    def door(self, **what):
        self.one = DoorAlone(**{"services": ("dispatch", "intake"), "of": SMALL, **what})
        self.addCleanup(self.one.remove)
        self.forge = Forge(self.one.key, self.one.kid, ISSUER, AUDIENCE)
        return self.one

    def of_status(self, code, message, packed, headers):
        status = self.one.says.message("google.rpc.Status")
        status.ParseFromString(packed)
        self.assertEqual((status.code, status.message), (code, message))
        told = json_format.MessageToDict(status, preserving_proto_field_name=True, descriptor_pool=self.one.says.pool)
        return Refusal(code, message, told["details"], headers)

    def in_json(self, path, *headers, **how):
        answer = self.one.get(path, *headers, **how)
        told = answer.json
        for detail in told["details"]:
            if detail.get("metadata") == {}:
                del detail["metadata"]  # the other two leave out what is empty
        self.assertNotIn("grpc-status-details-bin", answer.headers)
        return Refusal(told["code"], told["message"], told["details"], answer.headers)

    def native(self, method, *headers, requests=(b"",)):
        with grpc.insecure_channel("%s:%d" % self.one.address, [("grpc.enable_retries", 0)]) as channel:
            with self.assertRaises(grpc.RpcError) as caught:
                channel.stream_unary(method)(iter(requests), metadata=headers, timeout=30)
        headers = dict(caught.exception.trailing_metadata())
        return self.of_status(caught.exception.code().value[0], caught.exception.details(), headers["grpc-status-details-bin"], headers)

    def over_web(self, method, *headers, ends=True, message=b""):
        with Client(self.one.address) as client:
            about = [("content-type", "application/grpc-web+proto"), ("x-grpc-web", "1"), *headers]
            stream = client.ask("POST", method, about, bytes(1) + len(message).to_bytes(4, "big") + message) if ends else 1
            if not ends:
                client.send(client.headers(1, [(":method", "POST"), (":scheme", "http"), (":authority", "d"), (":path", method), *about]))
            heard = client.answer(stream)
        self.assertEqual((heard.status, heard.body), (200, b""))
        # None of what Envoy refuses before its filters: libraries look for the status first.
        self.assertIn(heard.headers.get("content-type"), ("application/grpc-web+proto", None))
        return self.of_status(heard.grpc_status, heard.headers["grpc-message"],
                              base64.b64decode(heard.headers["grpc-status-details-bin"]), heard.headers)

    def alike(self, in_json, native, over_web, reason, code, json_code=None, again=False):
        self.assertEqual((native.code, over_web.code, in_json.code), (code, code, json_code or code))
        self.assertEqual(native.details, in_json.details)
        self.assertEqual(over_web.details, in_json.details)
        self.assertEqual(native.message, over_web.message)
        self.assertTrue(in_json.message.startswith(native.message), in_json.message)  # Envoy's own words may follow
        info = next(detail for detail in native.details if detail["@type"].endswith(".ErrorInfo"))
        self.assertEqual((info["reason"], info["domain"]), (reason, "runtime"))
        waits = [detail["retry_delay"] for detail in native.details if detail["@type"].endswith(".RetryInfo")]
        self.assertEqual(waits, ["7s"] if again else [])
        for refusal in (in_json, native, over_web):
            self.assertEqual(refusal.headers.get("retry-after"), "7" if again else None)

    def asked_alike(self, headers, *told, path="/v1/cases", method=LIST_CASES, **how):
        self.alike(self.in_json(path, *headers), self.native(method, *headers), self.over_web(method, *headers), *told, **how)

    def test_tokens(self):
        self.door()
        good = self.forge.token()
        for what, values in {"none": [], **self.forge.hostile()}.items():
            if all(part.isprintable() and part == part.strip() for part in values):  # a library sends no other
                with self.subTest(what):
                    self.asked_alike([("authorization", value) for value in values], "REASON_UNAUTHENTICATED", UNAUTHENTICATED)
        once = self.forge.once()
        self.assertEqual(self.one.get("/v1/cases", ("authorization", bearer(once))).status, 200)
        self.asked_alike([("authorization", bearer(once))], "REASON_UNAUTHENTICATED", UNAUTHENTICATED)
        self.assertEqual(self.one.get("/v1/cases", ("authorization", bearer(good))).status, 200)

    def test_no_such_method(self):
        self.door()
        self.asked_alike([self.one.bearer()], "REASON_NOT_FOUND", UNIMPLEMENTED, json_code=5, path="/v1/nothing",
                         method="/civicmesh.dispatch.v1.DispatchService/Nothing")

    def test_a_wrong_path(self):
        self.door()
        self.asked_alike([self.one.bearer()], "REASON_INVALID_ARGUMENT", INVALID, path="/v1%2fcases", method="/civicmesh%2fx")

    def test_too_often(self):
        few = limits.Rates(*[limits.Rate(1, 1)] * 3)
        self.door(of=dataclasses.replace(SMALL, rates={**limits.RATES, "read": few}))
        self.one.get("/v1/cases")
        self.asked_alike([], "REASON_OVERLOADED", EXHAUSTED, again=True)

    def test_an_agency_too_often(self):
        self.door(of=dataclasses.replace(SMALL, agency_per_second=1, agency_burst=1), agency_audience=AUDIENCE)
        self.one.get("/v1/cases", self.one.bearer())
        self.asked_alike([self.one.bearer()], "REASON_OVERLOADED", EXHAUSTED, again=True)

    def test_too_large(self):
        one = self.door()
        large = bytes(SMALL.body_bytes)
        self.alike(self.in_json("/v1/cases", one.bearer(), ("content-length", "9999999"), method="POST"),
                   self.native(LIST_CASES, one.bearer(), requests=[large]), self.over_web(LIST_CASES, one.bearer(), message=large),
                   "REASON_TOO_LARGE", INVALID)

    def test_a_request_that_does_not_end(self):
        one = self.door()
        end = threading.Event()
        self.addCleanup(end.set)
        self.alike(self.in_json("/v1/cases", one.bearer(), ("content-length", "10"), method="POST"),
                   self.native(LIST_CASES, one.bearer(), requests=(end.wait() for _ in range(1))),
                   self.over_web(LIST_CASES, one.bearer(), ends=False), "REASON_INVALID_ARGUMENT", INVALID)

    def test_the_service_does_not_answer_is_not_there_or_is_full(self):
        one = self.door(fakes=("dispatch",), of=dataclasses.replace(SMALL, answer=1.5, at_once=1))
        self.asked_alike([one.bearer()], "REASON_UNKNOWN_OUTCOME", UNAVAILABLE, path="/v1/reports", method=LIST_REPORTS)
        one.fakes["dispatch"].answer = SILENCE
        self.asked_alike([one.bearer()], "REASON_UNKNOWN_OUTCOME", UNAVAILABLE)
        with Client(one.address) as client:
            asked = len(one.fakes["dispatch"].asked)
            first = client.ask("GET", "/v1/cases", [one.bearer()])
            while len(one.fakes["dispatch"].asked) == asked:
                pass
            self.asked_alike([one.bearer()], "REASON_OVERLOADED", EXHAUSTED, again=True)
            self.assertEqual(client.answer(first).status, 504)

    def test_no_memory_left(self):
        one = self.door(of=dataclasses.replace(SMALL, heap_bytes=1 << 20), change=keep_accepting)
        until_overloaded(one)
        self.asked_alike([one.bearer()], "REASON_OVERLOADED", EXHAUSTED, again=True)

    def test_who_only_looks_like_grpc_reads_json(self):
        one = self.door()
        for kind in ("application/grpcweb", "application/grpc-webs", "application/grpc;x"):
            answer = one.get("/v1/nothing", ("content-type", kind))
            self.assertEqual((answer.status, answer.reason), (404, "REASON_NOT_FOUND"))


if __name__ == "__main__":
    unittest.main()
