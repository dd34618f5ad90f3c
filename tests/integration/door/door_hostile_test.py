"""Hostile requests at the door of a real city: each is refused as it should be, and nobody else notices (WatchedCity)."""
import gzip
import sys
import unittest

from hyperframe import frame

import plain
from door_alone import LIST_CASES, limits
from frames import Client, Gone
from watched_city import WatchedCity

REFUSED = "REASON_INVALID_ARGUMENT"
NOT_FOUND = "REASON_NOT_FOUND"
OURS = limits.Limits()
CASES = "/v1/cases"
SUBMIT = "/civicmesh.intake.v1.IntakeService/SubmitReport"


def setUpModule():  # pylint: disable=invalid-name
    global CITY
    CITY = WatchedCity()
    unittest.addModuleCleanup(CITY.remove)


def tearDownModule():  # pylint: disable=invalid-name
    print("grown by, MiB at the peak:", {name: round(grown, 1) for name, grown in CITY.grown().items()}, file=sys.stderr)


class Hostile(unittest.TestCase):
    def setUp(self):
        self.token = CITY.authorization()
        self.line = ": ".join(self.token)

    def tearDown(self):
        self.assertEqual(CITY.complaints(), [])

    def answer(self, data):
        return plain.exchange(CITY.address, data)

    def refused(self, answer, status, reason):
        self.assertEqual((answer.status, answer.reason), (status, reason), answer.body)
        self.assertEqual(answer.headers["content-type"], "application/json")

    def post(self, body, content_type="application/json", path=CASES):
        return self.answer(plain.head("POST", path, self.line, f"content-type: {content_type}", f"content-length: {len(body)}") + body)


class Paths(Hostile):
    def test_tricks(self):
        for path, status, reason in [
            ("/v1%2fcases", 400, REFUSED), ("/v1/cases%2fc1", 400, REFUSED), ("/v1%5ccases", 400, REFUSED),
            ("/v1/cases/%00", 400, REFUSED), (b"/v1/cases\0", 400, REFUSED), (b"/v1/cases/\xc0\xaf", 400, REFUSED),
            ("/v1/cases#x", 400, REFUSED), ("*", 400, REFUSED), (b"/v1/ca\tses", 400, REFUSED), ("v1/cases", 400, REFUSED),
            ("/v1/cases/%c0%af", 404, NOT_FOUND), ("/v1/cases/%e0%80%af", 404, NOT_FOUND), ("/v1/cases/%252e%252e", 404, NOT_FOUND),
            ("/v1/cases/%", 404, NOT_FOUND), ("/v1/cases/%zz", 404, NOT_FOUND), ("/v1/cases/%u002e", 404, NOT_FOUND),
            ("/v1/cases/..", 404, NOT_FOUND), ("/v1/cases/../..", 404, NOT_FOUND), ("/v1/cases/..;/x", 404, NOT_FOUND),
            ("/v1/cases;x=1", 404, NOT_FOUND), ("/v1/cases%3bx", 404, NOT_FOUND), ("/v1/cases%20", 404, NOT_FOUND),
            ("/v1/cases/c1%3aaccept", 404, NOT_FOUND), ("/V1/cases", 404, NOT_FOUND), ("/v1/cases.json", 404, NOT_FOUND),
            ("/v1/cases/", 404, NOT_FOUND), ("/v1/cases/c1/notes", 404, NOT_FOUND), ("/stats", 404, NOT_FOUND),
            ("/server_info", 404, NOT_FOUND), ("/quitquitquit", 404, NOT_FOUND), ("/.git/config", 404, NOT_FOUND),
        ]:
            for lines in ([], [self.line]):
                with self.subTest(path, token=bool(lines)):
                    self.refused(self.answer(plain.head("GET", path, *lines)), status, reason)

    def test_other_spellings_of_a_path_ask_for_the_same_token(self):
        for path in ("//v1//cases", "/v1/./cases", "/v1/x/../cases", "/v1/%2e/cases", "/v1/x/%2e%2e/cases", "/v1\\cases",
                     "http://elsewhere.test/v1/cases", "/v1/c%61ses"):
            with self.subTest(path):
                self.assertIn(self.answer(plain.head("GET", path)).status, (401, 404))

    def test_methods(self):
        for method, statuses in {"DELETE": (404,), "PUT": (404,), "PATCH": (404,), "TRACE": (404,), "OPTIONS": (404,),
                                 "CONNECT": (400,), "PROPFIND": (400, 404), "get": (400,), "FOO": (400,), "G\0T": (400,)}.items():
            with self.subTest(method):
                self.assertIn(self.answer(plain.head(method, CASES, self.line)).status, statuses)

    def test_parameters(self):
        for query, status in [("colour=red", 400), ("page_size=99999999999", 400), ("page_size=x", 400),
                              ("page_token=%00", 400), ("page_token=" + "a" * 17_000, 431), ("a=" * 3_000, 400), ("page_token.x=1", 400),
                              ("page_token=x", 400), ("$alt=json", 400), ("access_token=x", 400)]:
            with self.subTest(query[:30]):
                self.assertEqual(self.answer(plain.head("GET", f"{CASES}?{query}", self.line)).status, status)

    def test_a_parameter_that_is_no_text_does_not_get_in(self):
        self.assertNotEqual(self.answer(plain.head("GET", f"{CASES}?page_token=%c0%af", self.line)).status, 200)


class Smuggling(Hostile):
    SECOND = b"GET /v1/smuggled HTTP/1.1\r\nhost: d\r\n\r\n"

    def test_where_a_body_ends_is_never_guessed(self):
        chunk = b"2\r\n{}\r\n0\r\n\r\n"
        for lines, body in [
            (["content-length: 4", "transfer-encoding: chunked"], b"0\r\n\r\n"), (["transfer-encoding: chunked", "content-length: 0"], chunk),
            (["content-length: 2", "content-length: 3"], b"{} "), (["content-length: 2", "content-length: 2"], b"{}"),
            (["content-length: 2, 2"], b"{}"), (["content-length: +2"], b"{}"), (["content-length: 0x2"], b"{}"),
            (["content-length: -1"], b"{}"), (["content-length: 2 2"], b"{}"), (["content-length: 99999999999999999999"], b"{}"),
            (["content-length:"], b"{}"), (["transfer-encoding: xchunked"], chunk), (["transfer-encoding: chunked, identity"], chunk),
            (["transfer-encoding: identity, chunked"], chunk), (["transfer-encoding: gzip, chunked"], chunk),
            (["transfer-encoding: chunked, chunked"], chunk), (["transfer-encoding: chunked", "transfer-encoding: x"], chunk),
            (["transfer-encoding: chunked\x0b"], chunk), (["transfer-encoding : chunked"], chunk), (["x-a : b"], b""),
            (["transfer_encoding: chunked"], chunk), ([b"x-a: b\0c"], b""), ([b"x\0a: b"], b""), (["transfer-encoding: chunked"], b"zz\r\n"),
            (["transfer-encoding: chunked"], b"fffffffffffffffff\r\n{}"), (["transfer-encoding: chunked"], b"2\n{}\n0\n\n"),
            (["transfer-encoding: chunked"], b"-1\r\n{}\r\n"),
        ]:
            with self.subTest(lines=lines, body=body), plain.connect(CITY.address) as sock:
                sock.sendall(plain.head("POST", CASES, self.line, *lines) + body + self.SECOND)
                answers, closed = plain.read_all(sock, enough=9)
                self.assertEqual([(a.status in (400, 501), a.reason) for a in answers], [(True, REFUSED)], [a.body for a in answers])
                self.assertTrue(closed)

    def test_first_lines(self):
        for first, status in [(b"GET /v1/cases HTTP/1.0", 426), (b"GET /v1/cases", 426), (b"GET /v1/cases HTTP/2.9", 426),
                              (b"GET  /v1/cases HTTP/1.1", 401), (b"GET /v1/cases HTTP/1.1 x", 400), (b"\0\0\0", 400), (b"GET", 400),
                              (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400)]:
            with self.subTest(first):
                self.assertIn(self.answer(first + b"\r\nhost: d\r\n\r\n").status, (status, 400))

    def test_without_a_host(self):
        self.assertEqual(self.answer(b"GET /v1/cases HTTP/1.1\r\n\r\n").status, 400)

    def test_what_is_read_generously_is_still_one_request(self):
        """Envoy reads these; it writes them anew as HTTP/2, where they mean nothing more."""
        for data in [plain.head("GET", CASES, self.line, "x-a: b\r\n c"), plain.head("GET", CASES, self.line).replace(b"\r", b""),
                     plain.head("GET", CASES, self.line, "x-a: b\rx-b: c"), plain.head("GET", CASES, self.line, "x-a: b\nx-b: c"),
                     plain.head("GET", CASES, self.line, "upgrade: h2c", "connection: upgrade")]:
            with self.subTest(data[-40:]), plain.connect(CITY.address, timeout=1) as sock:
                sock.sendall(data)
                answers, _ = plain.read_all(sock)
                self.assertIn([a.status for a in answers], ([200], [400]))
                with self.assertRaises(TimeoutError):
                    plain.read_all(sock)

    def test_upgrades(self):
        self.refused(self.answer(plain.head("GET", CASES, self.line, "connection: upgrade", "upgrade: websocket")), 400, REFUSED)


class Bodies(Hostile):
    def test_too_large(self):
        self.refused(self.post(b" " * (OURS.body_bytes + 1)), 413, "REASON_TOO_LARGE")
        self.refused(self.answer(plain.head("POST", CASES, self.line, "content-length: 9999999999")), 413, "REASON_TOO_LARGE")

    def test_chunks_without_end(self):
        chunk, sent = b"8000\r\n" + bytes(0x8000) + b"\r\n", 0
        with plain.connect(CITY.address) as sock:
            sock.sendall(plain.head("POST", CASES, self.line, "transfer-encoding: chunked"))
            with self.assertRaises((BrokenPipeError, ConnectionResetError)):
                while sent < 64 << 20:
                    sock.sendall(chunk)
                    sent += len(chunk)
        self.assertLess(sent, 32 << 20)

    def test_data_frames_without_end(self):
        with Client(CITY.address) as client:
            stream = client.ask("POST", SUBMIT, [("content-type", "application/grpc"), ("te", "trailers")], bytes(8 * OURS.body_bytes))
            heard = client.answer(stream)
        self.assertTrue(heard.reset is not None or heard.grpc_status not in (0, -1))

    def test_json(self):
        for body, status in [
            (b"[" * 900_000, 400), (b'{"a":' * 180_000, 400), (b'{"location":' * 80_000, 400), (b'{"zz":' + b"[" * 400_000 + b"]" * 400_000 + b"}", 400),
            (b'{"text":"\xc0\xaf"}', 400), (b'{"text":"\\ud800"}', 400), (b'{"location":{"latitude":1e999}}', 400), (b"[1,2]", 400), (b"{}{}", 400),
            (b"{", 400), (b'{"request_id":{}}', 400), (b'{"source":"NOTHING"}', 400), (b"<a/>", 400), (b"text=a", 400), (b"\0", 400), (b"{}", 400),
        ]:
            with self.subTest(body[:20]):
                self.assertEqual(self.post(body).status, status)

    def test_an_unknown_field_changes_nothing(self):
        """The transcoder leaves it out."""
        plainly = self.post(b'{"request_id":"no uuid"}')
        # As JSON and not as bytes: the order of a map's entries is chance.
        self.assertEqual((self.post(b'{"request_id":"no uuid","zz":{"a":[1]}}').json, plainly.status), (plainly.json, 400))

    def test_other_types_of_content(self):
        for kind in ("text/xml", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/octet-stream"):
            with self.subTest(kind):
                self.assertEqual(self.post(b"<a>&b=c</a>", kind).status, 400)
        for kind in ("application/grpc", "application/grpc+json", "application/grpc-web", "application/grpcx"):
            with self.subTest(kind):
                answer = self.post(bytes(5), kind)
                self.assertTrue(answer.status == 404 or answer.headers.get("grpc-status") == "12", answer.headers)


class Slow(Hostile):
    """Many who take their time hold nobody else up, and are put out."""

    def test_headers_and_bodies(self):
        head = plain.head("POST", CASES, self.line, "content-length: 100")
        slow = [plain.connect(CITY.address) for _ in range(200)]
        for i, sock in enumerate(slow):
            sock.sendall(head if i % 2 else head[:60])
        self.assertLess(CITY.median_of_calls(), 0.5)
        for i, sock in enumerate(slow):
            with sock:
                answers, closed = plain.read_all(sock, enough=2)
                self.assertEqual([(a.status, a.reason) for a in answers], [(408, REFUSED)], i)
                self.assertTrue(closed)

    def test_answers_that_nobody_reads(self):
        """Each holds one answer at most; all of them are put out after Limits.silence."""
        slow = [Client(CITY.address, settings={frame.SettingsFrame.INITIAL_WINDOW_SIZE: 0}) for _ in range(20)]
        for client in slow:
            for _ in range(20):
                client.ask("GET", CASES, [self.token])
        self.assertLess(CITY.median_of_calls(), 0.5)
        for client in slow:
            client.sock.close()


class Headers(Hostile):
    def test_over_http1(self):
        for lines in (["x-a: " + "b" * 17_000], [f"x-{i}: b" for i in range(100)], ["cookie: a=b"] * 100, ["x: "] * 70):
            with self.subTest(lines[0][:20]):
                self.refused(self.answer(plain.head("GET", CASES, *lines)), 431, "REASON_TOO_LARGE")

    def test_without_end_over_http1(self):
        with plain.connect(CITY.address) as sock:
            sock.sendall(b"GET /v1/cases HTTP/1.1\r\n")
            with self.assertRaises((BrokenPipeError, ConnectionResetError)):
                for i in range(100_000):
                    sock.sendall(b"x-%d: %s\r\n" % (i, b"b" * 1_000))

    def test_over_http2(self):
        for headers in ([("x-a", "b" * 20_000)], [(f"x-{i}", "b") for i in range(100)], [("cookie", f"a{i}=b") for i in range(200)]):
            with self.subTest(headers[0][0]):
                self.assertTrue(turned_away(headers))

    def test_a_few_bytes_that_mean_many(self):
        """One long header, indexed, then named again and again by its index."""
        self.assertTrue(turned_away([("x-bomb", "b" * 3_900)] * 2_000))

    def test_continuations_without_end(self):
        with Client(CITY.address) as client:
            client.send(client.headers(1, request_headers(), []))
            piece = frame.ContinuationFrame(1, data=client.encoder.encode([("x-a", "b" * 1_000)], huffman=False))
            self.assertTrue(put_out(client, [piece] * 20, 1_000))

    def test_as_large_as_may_be_they_do_not_end_the_calls_of_others(self):
        """A service that finds them too large would close the connection that all clients share."""
        for path, headers in ((LIST_CASES, [self.token]), (SUBMIT, [])):
            for size in (7_000, 9_000, 12_000, 15_000) * 3:
                with Client(CITY.address) as client:
                    heard = client.grpc(path, headers=[*headers, ("x-a", "b" * size)])
                    self.assertNotIn(heard.grpc_status, (8, 14), heard.headers)

    def test_what_only_the_door_says(self):
        for name in ("x-jwt-payload", "x-envoy-internal", "x-envoy-original-path", "x-forwarded-client-cert", "x-forwarded-for"):
            self.assertEqual(self.answer(plain.head("GET", CASES, f"{name}: e30")).status, 401)


def request_headers(path=CASES):
    return [(":method", "GET"), (":scheme", "http"), (":authority", "d"), (":path", path)]


def turned_away(headers):
    """Whether a call with them is not served."""
    with Client(CITY.address) as client:
        block = client.encoder.encode([*request_headers("/v1/reports/r-none"), *headers], huffman=False)
        pieces = [block[i:i + 16_000] for i in range(0, len(block), 16_000)]
        flags = lambda i: ["END_HEADERS"] if i == len(pieces) - 1 else []
        try:
            client.send(frame.HeadersFrame(1, data=pieces[0], flags=["END_STREAM", *flags(0)]),
                        *(frame.ContinuationFrame(1, data=piece, flags=flags(i)) for i, piece in enumerate(pieces) if i))
            heard = client.answer(1)
        except Gone:
            return True
    return heard.reset is not None or heard.status == 431


def put_out(client, frames, times):
    """Whether the door ends the connection while we send these frames so often, or then."""
    data = b"".join(one.serialize() for one in frames)
    try:
        for _ in range(times):
            client.send_bytes(data)
        client.sock.settimeout(5)
        while True:
            client.next()
    except Gone:
        return True
    except TimeoutError:
        return False


class Frames(Hostile):
    def test_rapid_resets(self):
        with Client(CITY.address) as client:
            many = []
            for stream in range(1, 8_000, 2):
                many += [client.headers(stream, [*request_headers(), self.token], ["END_HEADERS", "END_STREAM"]),
                         frame.RstStreamFrame(stream, error_code=8)]
            self.assertTrue(put_out(client, many, 1))

    def test_resets_that_the_door_is_made_to_send(self):
        """Streams that are wrong by themselves: the same work without a RST_STREAM of ours."""
        with Client(CITY.address) as client:
            many = []
            for stream in range(1, 8_000, 2):
                many += [client.headers(stream, [*request_headers(), self.token], ["END_HEADERS", "END_STREAM"]),
                         frame.WindowUpdateFrame(stream, window_increment=0)]
            self.assertTrue(put_out(client, many, 1))

    def test_floods(self):
        for what, one in {
                "SETTINGS": frame.SettingsFrame(settings={4: 65_535}),
                "PING": frame.PingFrame(opaque_data=b"12345678"),
                "empty DATA": frame.DataFrame(1, b""),
                "PRIORITY": frame.PriorityFrame(1, stream_weight=1),
                "WINDOW_UPDATE": frame.WindowUpdateFrame(1, window_increment=1),
                "unknown": frame.ExtensionFrame(0xee, 0, flag_byte=0, body=b""),
        }.items():
            with self.subTest(what), Client(CITY.address) as client:
                client.send(client.headers(1, [*request_headers(), self.token]))
                put_out(client, [one] * 1_000, 100)
                self.assertEqual(CITY.complaints(), [])

    def test_answers_to_pings_that_are_not_read(self):
        with Client(CITY.address) as client:
            client.send(client.headers(1, [*request_headers(), self.token]))
            self.assertTrue(put_out(client, [frame.PingFrame(opaque_data=b"12345678")] * 1_000, 500))

    def test_empty_frames_are_not_taken(self):
        with Client(CITY.address) as client:
            client.send(client.headers(1, [*request_headers(), self.token]))
            self.assertTrue(put_out(client, [frame.DataFrame(1, b"")] * 10, 10))

    def test_more_streams_than_may_be(self):
        with Client(CITY.address) as client:
            for number in range(OURS.streams + 50):
                client.send(client.headers(2 * number + 1, [(":method", "POST"), *request_headers()[1:], self.token]))
            try:
                while True:
                    one = client.next()
                    if isinstance(one, frame.RstStreamFrame):
                        self.assertEqual(one.error_code, 7)  # REFUSED_STREAM
                        return
            except Gone:
                return

    def test_what_is_no_request(self):
        first = request_headers()
        for what, headers in {"upper case": [*first, ("X-A", "b")], "of one hop": [*first, ("connection", "close")],
                              "te": [*first, ("transfer-encoding", "chunked")], "no path": first[:3], "two paths": [*first, first[3]],
                              "an empty path": [*first[:3], (":path", "")], "a line end": [*first, ("x-a", "b\r\nx-c: d")],
                              "another length": [*first, ("content-length", "7")], "late": [*first[:3], ("x-a", "b"), first[3]],
                              "unknown": [*first, (":x", "y")]}.items():
            with self.subTest(what):
                with Client(CITY.address) as client:
                    try:
                        client.send(client.headers(1, [*headers, self.token], ["END_HEADERS", "END_STREAM"]))
                        heard = client.answer(1)
                    except Gone:
                        continue
                self.assertTrue(heard.reset is not None or heard.status in (400, 404), heard)


class NativeGrpc(Hostile):
    def call(self, path, message=b"", headers=(), **how):
        with Client(CITY.address) as client:
            return client.grpc(path, message, [self.token, *headers], **how)

    def test_what_is_not_listed(self):
        for path in ("/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch", "/grpc.channelz.v1.Channelz/GetServers",
                     "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", "/civicmesh.dispatch.v1.DispatchService/Nothing",
                     "/civicmesh.dispatch.v1.DispatchService/", "/civicmesh.points.v1.PointsService/GetAccount", LIST_CASES + "/",
                     LIST_CASES.lower(), "/" + LIST_CASES + "x", "/civicmesh.runtime.v1.ControlService/GetShards"):
            with self.subTest(path):
                self.assertEqual(self.call(path).grpc_status, 12)

    def test_control_is_not_for_every_post_nor_of_every_service(self):
        path = "/civicmesh.runtime.v1.ControlService/GetShards"
        self.assertEqual(self.call(path, headers=[("x-civicmesh-service", "dispatch")]).grpc_status, 7)
        self.assertEqual(self.call(path, headers=[("x-civicmesh-service", "points")]).grpc_status, 12)

    def test_compressed_messages(self):
        bomb = gzip.compress(bytes(300 << 20), 9)
        for encoding in ([("grpc-encoding", "gzip")], [("grpc-encoding", "identity"), ("grpc-encoding", "gzip")], []):
            for path in (LIST_CASES, SUBMIT):
                with self.subTest(encoding=encoding, path=path):
                    self.assertNotIn(self.call(path, bomb, encoding, flag=1).grpc_status, (0, -1))

    def test_frames_that_are_none(self):
        for body in (b"", b"\0", b"\0\xff\xff\xff\xff", b"\0\0\0\0\x05ab", b"\0\0\0\0\x02\xff\xff"):
            with self.subTest(body), Client(CITY.address) as client:
                heard = client.answer(client.ask("POST", LIST_CASES, [("content-type", "application/grpc"), ("te", "trailers"), self.token], body))
                self.assertTrue(heard.grpc_status not in (0, -1) or heard.reset is not None, heard)


if __name__ == "__main__":
    unittest.main()
