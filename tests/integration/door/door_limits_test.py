"""What a client sees at each limit, at a door alone with limits that are soon reached, and how it reads when a service
behind it does not answer as it should."""
import dataclasses
import time
import unittest

from hyperframe import frame

import plain
from door_alone import ACCEPT_CASE, AUDIENCE, CONSOLE, ISSUER, LIST_CASES, DoorAlone, keep_accepting, limits, until_overloaded
from fake_service import SILENCE, failing
from frames import Client, Gone
from tokens import Forge, bearer, headers

SMALL = limits.Limits(first_headers=1, whole_request=2, silence=1, idle=1, answer=0.6)


def door(test, **what):
    made = DoorAlone(**{"of": SMALL, **what})
    test.addCleanup(made.remove)
    return made


def details_of(answer):
    return {detail["@type"].rsplit(".", 1)[1]: detail for detail in answer["details"]}


class RatesTest(unittest.TestCase):
    FEW = limits.Rates(limits.Rate(1, 5), limits.Rate(100, 30), limits.Rate(100, 40))
    MANY = limits.Rates(limits.Rate(100, 1000), limits.Rate(100, 1000), limits.Rate(100, 1000))

    def setUp(self):
        rates = {**{kind: self.MANY for kind in limits.RATES}, "read": self.FEW}
        self.door = door(self, of=dataclasses.replace(SMALL, idle=30, rates=rates, retry_after=7))

    def statuses(self, count, source, path="/v1/cases", headers=()):
        with Client(self.door.address, source=source) as client:
            return [client.answer(client.ask("GET", path, headers)).status for _ in range(count)]

    def test_one_address_asks_too_often_and_another_one_is_served(self):
        first = self.statuses(12, "127.0.0.2")
        self.assertEqual(first[:5], [401] * 5)
        self.assertGreaterEqual(first.count(429), 5)
        self.assertEqual(self.statuses(5, "127.0.0.3"), [401] * 5)

    def test_a_known_address_may_ask_more_often(self):
        self.assertEqual(self.statuses(20, "127.0.0.1"), [401] * 20)

    def test_an_address_that_the_client_says_itself_is_not_believed(self):
        with Client(self.door.address, source="127.0.0.2") as client:
            statuses = [client.answer(client.ask("GET", "/v1/cases", [("x-forwarded-for", f"203.0.113.{i}")])).status
                        for i in range(12)]
        self.assertGreaterEqual(statuses.count(429), 5)

    def test_kinds_of_calls_have_rates_of_their_own(self):
        self.statuses(12, "127.0.0.2")
        with Client(self.door.address, source="127.0.0.2") as client:
            self.assertEqual(client.grpc(ACCEPT_CASE).grpc_status, 16)
            self.assertEqual(client.answer(client.ask("GET", "/v1/nothing")).status, 404)

    def test_all_together_ask_too_often(self):
        statuses = [status for i in range(2, 14) for status in self.statuses(5, f"127.0.0.{i}")]
        self.assertGreaterEqual(statuses.count(429), 10)
        self.assertGreaterEqual(statuses.count(401), 40)

    def test_the_refusal_says_when_to_come_again(self):
        self.statuses(8, "127.0.0.2")
        answer = self.door.get("/v1/cases", source="127.0.0.2")
        self.assertEqual((answer.status, answer.reason, answer.headers["retry-after"]), (429, "REASON_OVERLOADED", "7"))
        self.assertEqual(details_of(answer.json)["RetryInfo"]["retry_delay"], "7s")
        with Client(self.door.address, source="127.0.0.2") as client:
            self.assertEqual(client.grpc(LIST_CASES).grpc_status, 8)
            web = client.grpc(LIST_CASES, content_type="application/grpc-web+proto")
            self.assertEqual((web.grpc_status, web.headers["retry-after"]), (8, "7"))


class AgenciesTest(unittest.TestCase):
    def setUp(self):
        self.door = door(self, of=dataclasses.replace(limits.Limits(), agency_per_second=1, agency_burst=5, retry_after=7),
                         audiences=(AUDIENCE, "agencies"), agency_audience="agencies")
        self.forge = Forge(self.door.key, self.door.kid, ISSUER, "agencies")

    def asks(self, count=12, **claims):
        return [self.ask(**claims).status for _ in range(count)]

    def ask(self, **claims):
        return self.door.get("/v1/cases", *headers([bearer(self.forge.token(**claims))]))

    def test_one_agency_asks_too_often_and_another_one_is_served(self):
        self.assertEqual(self.asks(5, sub="one"), [200] * 5)
        self.assertGreaterEqual(self.asks(sub="one").count(429), 8)
        answer = self.ask(sub="one")
        self.assertEqual((answer.status, answer.reason, answer.headers["retry-after"]), (429, "REASON_OVERLOADED", "7"))
        with Client(self.door.address) as client:
            self.assertEqual(client.grpc(LIST_CASES, headers=headers([bearer(self.forge.token(sub="one"))])).grpc_status, 8)
        self.assertEqual(self.asks(5, sub="other"), [200] * 5)

    def test_who_is_no_agency_is_not_counted(self):
        self.assertEqual(self.asks(12, aud=AUDIENCE), [200] * 12)

    def test_a_token_for_several_audiences_is_left_to_the_services(self):
        self.assertEqual(self.asks(12, aud=["agencies", AUDIENCE]), [200] * 12)


class TimesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.door = DoorAlone(of=SMALL)
        cls.addClassCleanup(cls.door.remove)

    def ends(self, sock, least, most):
        """The answers until the door closes, which it does after so many seconds. Raises TimeoutError."""
        began = time.monotonic()
        answers, closed = plain.read_all(sock, enough=9)
        self.assertTrue(closed)
        self.assertTrue(least <= time.monotonic() - began <= most, time.monotonic() - began)
        return answers

    def test_a_connection_on_which_nothing_comes(self):
        with plain.connect(self.door.address) as sock:
            self.assertEqual(self.ends(sock, 0.8, 10), [])

    def test_headers_that_do_not_end(self):
        one = door(self, of=dataclasses.replace(SMALL, whole_request=60, silence=60, idle=60))
        with plain.connect(one.address) as sock:
            sock.sendall(b"GET /v1/cases HTTP/1.1\r\nhost: d\r\n")
            answer, = self.ends(sock, 0.8, 10)
        self.assertEqual((answer.status, answer.reason), (408, "REASON_INVALID_ARGUMENT"))

    def test_a_body_that_comes_slowly(self):
        token = self.door.bearer()
        with plain.connect(self.door.address) as sock:
            sock.sendall(plain.head("POST", "/v1/cases", ": ".join(token), "content-length: 1000"))
            sock.settimeout(0.2)
            began, answers = time.monotonic(), []
            while not answers and time.monotonic() - began < 10:
                sock.sendall(b" ")
                try:
                    answers, _ = plain.read_all(sock)
                except TimeoutError:
                    continue
        self.assertEqual([(answer.status, answer.reason) for answer in answers], [(408, "REASON_INVALID_ARGUMENT")])
        self.assertGreater(time.monotonic() - began, 1.5)

    def test_headers_over_http2_that_do_not_end(self):
        with Client(self.door.address) as client:
            client.send(client.headers(1, [(":method", "GET"), (":scheme", "http"), (":authority", "d"), (":path", "/v1/cases")], []))
            self.assertTrue(given_up(client, 1))

    def test_an_answer_that_is_not_read(self):
        one = door(self, of=dataclasses.replace(SMALL, whole_request=60, answer=60, idle=60))
        one.fakes["dispatch"].answer = (b"\x0a\x00" * 50_000, [("grpc-status", "0")])
        with Client(one.address, settings={frame.SettingsFrame.INITIAL_WINDOW_SIZE: 0}) as client:
            client.ask("POST", LIST_CASES, [("content-type", "application/grpc"), ("te", "trailers"), one.bearer()], bytes(5))
            self.assertTrue(given_up(client, 1))


def given_up(client, stream):
    """Whether the door resets the stream, or the connection, before we lose our patience."""
    try:
        return client.answer(stream).reset is not None
    except Gone:
        return True


class FullTest(unittest.TestCase):
    def test_more_connections_than_there_is_room_for(self):
        one = door(self, of=dataclasses.replace(SMALL, connections=5, idle=30))
        held = [plain.connect(one.address) for _ in range(12)]
        served = 0
        for sock in held:
            with sock:
                try:
                    sock.sendall(plain.head("GET", "/nowhere"))
                    answers, _ = plain.read_all(sock)
                except (ConnectionError, TimeoutError):
                    answers = []
                served += len(answers)
        # Each that is done makes room for none of those that were turned away.
        self.assertEqual(served, 5)

    def test_no_memory_left(self):
        one = door(self, of=dataclasses.replace(SMALL, heap_bytes=1 << 20), change=keep_accepting)
        answer = until_overloaded(one)
        self.assertEqual((answer.status, answer.reason, answer.headers["retry-after"]), (429, "REASON_OVERLOADED", "1"))
        with Client(one.address) as client:
            self.assertEqual(client.grpc(LIST_CASES, headers=[one.bearer()]).grpc_status, 8)

    def test_no_connection_is_taken_once_memory_is_quite_gone(self):
        one = door(self, of=dataclasses.replace(SMALL, heap_bytes=1 << 20))
        until = time.monotonic() + 20
        while time.monotonic() < until:
            try:
                with plain.connect(one.address, timeout=1) as sock:
                    sock.sendall(plain.head("GET", "/nowhere"))
                    plain.read_all(sock)
            except (TimeoutError, ConnectionError):
                return
        self.fail("connections are still taken")


class ResetsTest(unittest.TestCase):
    def goes_on(self, resets):
        """Whether a connection does on which 15 calls were reset at once: far fewer frames than any other limit names."""
        one = door(self, of=dataclasses.replace(SMALL, idle=30, resets=resets))
        one.fakes["dispatch"].answer = SILENCE
        with Client(one.address) as client:
            try:
                for _ in range(15):
                    client.send(frame.RstStreamFrame(client.ask("GET", "/v1/cases", [one.bearer()]), error_code=8))
                return client.answer(client.ask("GET", "/v1/cases", [one.bearer()])).status == 504
            except (Gone, ConnectionResetError):
                return False

    def test_streams_that_are_reset_early_end_the_connection(self):
        self.assertFalse(self.goes_on(resets=20))
        self.assertTrue(self.goes_on(resets=500))


class ServiceBehindTest(unittest.TestCase):
    """One shape of errors, whoever makes them."""

    @classmethod
    def setUpClass(cls):
        cls.door = DoorAlone(services=("dispatch", "intake"), of=SMALL)
        cls.addClassCleanup(cls.door.remove)
        cls.service = cls.door.fakes["dispatch"]

    def both(self, answer):
        self.service.answer = answer
        return self.answers("/v1/cases", LIST_CASES)

    def answers(self, path, method):
        """In JSON, and the status over gRPC."""
        got = self.door.get(path, self.door.bearer())
        with Client(self.door.address) as client:
            return got, client.grpc(method, headers=[self.door.bearer()])

    def test_it_does_not_answer(self):
        answer, native = self.both(SILENCE)
        self.assertEqual((answer.status, answer.json["code"], answer.reason), (504, 14, "REASON_UNKNOWN_OUTCOME"))
        self.assertEqual(native.grpc_status, 14)

    def test_it_is_not_there(self):
        answer, native = self.answers("/v1/reports", "/civicmesh.intake.v1.IntakeService/ListReports")
        self.assertEqual((answer.status, answer.json["code"], answer.reason), (503, 14, "REASON_UNKNOWN_OUTCOME"))
        self.assertEqual(native.grpc_status, 14)

    def test_it_fails_without_details(self):
        for code, status in ((14, 503), (8, 429), (13, 500), (2, 500), (4, 504), (12, 501)):
            answer, native = self.both(failing(code, "in words"))
            self.assertEqual((answer.status, answer.json), (status, {"code": code, "message": "in words", "details": []}))
            self.assertEqual(answer.headers["content-type"], "application/json")
            self.assertEqual(native.grpc_status, code)

    def test_more_calls_than_it_may_have_at_once(self):
        """Nothing was handed on: that is no unknown outcome."""
        one = door(self, of=dataclasses.replace(SMALL, at_once=1))
        one.fakes["dispatch"].answer = SILENCE
        with Client(one.address) as client:
            first = client.ask("GET", "/v1/cases", [one.bearer()])
            while not one.fakes["dispatch"].asked:
                time.sleep(0.01)
            answer = one.get("/v1/cases", one.bearer())
            self.assertEqual((answer.status, answer.reason, answer.headers["retry-after"]), (429, "REASON_OVERLOADED", "1"))
            self.assertEqual(client.answer(first).status, 504)

    def test_what_a_client_says_about_waiting_is_not_believed(self):
        """Nor may it name its path, or who it is."""
        self.service.answer = SILENCE
        began = time.monotonic()
        self.door.get("/v1/cases", self.door.bearer(), ("x-envoy-upstream-rq-timeout-ms", "1"), ("x-envoy-max-retries", "9"),
                      ("x-envoy-internal", "true"), ("x-envoy-retry-grpc-on", "unavailable"), ("x-jwt-payload", "e30"),
                      ("x-envoy-original-path", "/elsewhere"))
        self.assertGreater(time.monotonic() - began, 0.4)
        came = {name: value for name, value in self.service.asked[-1].items() if name.startswith(("x-envoy", "x-jwt"))}
        self.assertEqual(came, {"x-envoy-original-path": "/v1/cases", "x-envoy-original-method": "GET"})

    def test_a_compressed_message_does_not_reach_it(self):
        before = len(self.service.asked)
        with Client(self.door.address) as client:
            heard = client.grpc(LIST_CASES, bytes(100), [self.door.bearer(), ("grpc-encoding", "gzip")], flag=1)
        self.assertEqual((heard.grpc_status, len(self.service.asked)), (12, before))


class LogsTest(unittest.TestCase):
    def test_nothing_about_a_person_is_in_the_logs(self):
        secret = "13800138000"
        one = door(self)
        token = one.bearer()
        for path in (f"/v1/cases?page_token={secret}", f"/v1/cases/{secret}", f"/{secret}", f"/v1/cases?{secret}=1"):
            one.get(path, token)
            one.get(path, token, ("content-length", "2000000"))
        one.get("/v1/cases", ("authorization", "Bearer " + secret))
        one.stop()
        for log in ("access", "envoy"):
            text = (one.folder / f"log/{log}.log").read_text(encoding="utf-8")
            self.assertNotIn(secret, text)
        self.assertIn("dispatch: DispatchService/ListCases", (one.folder / "log/access.log").read_text(encoding="utf-8"))


class BrowserTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.door = DoorAlone(of=dataclasses.replace(SMALL, idle=30), console_origin=CONSOLE)
        cls.addClassCleanup(cls.door.remove)

    def preflight(self, origin, path="/v1/cases", **how):
        return self.door.get(path, ("origin", origin), ("access-control-request-method", "POST"),
                             ("access-control-request-headers", "authorization,content-type"), method="OPTIONS", **how)

    def sharing(self, answer):
        return {name: value for name, value in answer.headers.items() if name.startswith("access-control-")}

    def test_the_console_may_ask_and_needs_no_token_for_asking_whether(self):
        for path in ("/v1/cases", "/v1/cases/c1:accept", LIST_CASES):
            answer = self.preflight(CONSOLE, path)
            self.assertEqual((answer.status, answer.headers["access-control-allow-origin"]), (200, CONSOLE))
            self.assertIn("authorization", answer.headers["access-control-allow-headers"])
            self.assertNotIn("access-control-allow-credentials", answer.headers)

    def test_pages_of_elsewhere_may_not(self):
        for origin in ("https://console.city.test.evil.test", "http://console.city.test", "null", CONSOLE + ":8443", "*"):
            answer = self.preflight(origin)
            self.assertEqual((answer.status, self.sharing(answer)), (401, {}), origin)
            answer = self.door.get("/v1/cases", ("origin", origin), self.door.bearer())
            self.assertEqual((answer.status, self.sharing(answer)), (200, {}), origin)

    def test_a_preflight_never_reaches_a_service(self):
        before = len(self.door.fakes["dispatch"].asked)
        for kind in ("application/json", "application/grpc"):
            answer = self.door.get(LIST_CASES, ("origin", "https://evil.test"), ("access-control-request-method", "POST"),
                                   ("content-type", kind), self.door.bearer(), method="OPTIONS")
            self.assertNotEqual(answer.headers.get("grpc-status", "12"), "0")
        self.assertEqual(len(self.door.fakes["dispatch"].asked), before)

    def test_the_console_can_read_answers_and_refusals(self):
        for headers, status in (([self.door.bearer()], 200), ([], 401)):
            answer = self.door.get("/v1/cases", ("origin", CONSOLE), *headers)
            self.assertEqual((answer.status, answer.headers["access-control-allow-origin"]), (status, CONSOLE))

    def test_without_a_console_nobody_may(self):
        one = door(self)
        answer = one.get("/v1/cases", ("origin", CONSOLE), ("access-control-request-method", "POST"), method="OPTIONS")
        self.assertEqual((answer.status, self.sharing(answer)), (404, {}))

    def test_grpc_web(self):
        self.door.fakes["dispatch"].answer = (b"\x12\x03abc", [("grpc-status", "0")])
        with Client(self.door.address) as client:
            for kind in ("application/grpc-web", "application/grpc-web+proto"):
                heard = client.grpc(LIST_CASES, headers=[self.door.bearer(), ("x-grpc-web", "1")], content_type=kind)
                self.assertEqual((heard.status, heard.headers["content-type"]), (200, "application/grpc-web+proto"))
                message, trailers = heard.body[:10], heard.body[10:]
                self.assertEqual(message, b"\0\0\0\0\x05\x12\x03abc")
                self.assertEqual((trailers[0], trailers[5:]), (0x80, b"grpc-status:0\r\n"))
            refused = client.grpc(LIST_CASES, content_type="application/grpc-web+proto")
            self.assertEqual(refused.grpc_status, 16)
            unlisted = client.grpc("/grpc.health.v1.Health/Check", content_type="application/grpc-web+proto")
            self.assertEqual(unlisted.grpc_status, 12)


if __name__ == "__main__":
    unittest.main()
