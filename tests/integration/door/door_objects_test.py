"""The way through the door to the object store: a signed form goes in, what a signed link names comes out, and nothing else of
the store is reached. Whatever comes, the same door and the same store live on and serve who asks as one should."""
import dataclasses
import http.client
import json
import sys
import time
import unittest
import urllib.parse

import plain
from door_alone import CONSOLE, ROOT, DoorAlone, limits

sys.path.insert(0, str(ROOT / "tests/integration/objects"))
from store_alone import PHOTO, StoreAlone, ask, filled_in, form, link, objects, send  # pylint: disable=wrong-import-position

INCOMING, MEDIA = objects.BUCKETS
MIB = 1 << 20
SLOW = limits.Limits(whole_request=2, answer=0.6, upload_request=4, upload_silence=2)


class Through:
    """A door before the store. Its users sign for its address."""

    def __init__(self, **what):
        self.door = DoorAlone(objects=str(STORE.store.socket), console_origin=CONSOLE, **what)
        self.address = self.door.address
        self.url = "http://%s:%d" % self.address
        self._clients = {user: objects.client(self.url, STORE.store.login_file(user)) for user in ("uploads", "links")}
        self._pids = self.pids()

    def form(self, key, **what):
        return form(self._clients["uploads"], key, **what)

    def link(self, key, **what):
        return link(self._clients["links"], key, **what)

    def line(self, url):
        """What stands in the first line of the request."""
        return url.removeprefix(self.url)

    def asked(self):
        """How many calls the store has got through the door."""
        told = self.door.admin("/stats?filter=cluster.(objects|uploads).upstream_rq_total").decode()
        return sum(int(line.rpartition(" ")[2]) for line in told.splitlines())

    def pids(self):
        return self.door.parts.pid("envoy"), STORE.parts.pid("objects")

    def complaints(self):
        """What is not as it should be."""
        if self.pids() != self._pids:
            return ["another process"]
        status, _, body = ask(self.link("seen/photo.jpg"))
        return [] if (status, body) == (200, b"a picture") else [f"a good link: {status} {body}"]


def setUpModule():  # pylint: disable=invalid-name
    global STORE, DOOR
    STORE = StoreAlone()
    unittest.addModuleCleanup(STORE.remove)
    STORE.client("media").put_object(Bucket=MEDIA, Key="seen/photo.jpg", Body=b"a picture", ContentType=PHOTO)
    for bucket, key in ((MEDIA, "seen/facts"), (INCOMING, "raw/seen"), (INCOMING, "unused/seen")):
        STORE.client("media").put_object(Bucket=bucket, Key=key, Body=b"not to be seen")
    rates = {**limits.RATES, "upload": limits.RATES["read"], "link": limits.RATES["read"], "nowhere": limits.RATES["read"]}
    DOOR = Through(of=limits.Limits(rates=rates))
    unittest.addModuleCleanup(DOOR.door.remove)


class DoorTest(unittest.TestCase):
    def tearDown(self):
        self.assertEqual(DOOR.complaints(), [])

    def refused(self, answer, status, reason):
        """In the one shape, and kept by no cache."""
        got, headers, body = answer
        self.assertEqual((got, plain.Answer(b"", body).reason), (status, reason), body)
        self.assertEqual((headers["content-type"], headers["cache-control"] or "no-store"), ("application/json", "no-store"))

    def there(self, key):
        return "Contents" in STORE.client("media").list_objects_v2(Bucket=INCOMING, Prefix=key)


class UploadTest(DoorTest):
    def test_a_form_brings_an_object_in(self):
        status, headers, body = send(DOOR.url, DOOR.form("raw/good"), b"x" * 50)
        self.assertEqual((status, body), (204, b""))
        self.assertEqual((headers["server"], headers["x-amz-request-id"], headers["x-content-type-options"]), ("civicmesh", None, "nosniff"))
        self.assertEqual(STORE.client("media").get_object(Bucket=INCOMING, Key="raw/good")["Body"].read(), b"x" * 50)

    def test_a_large_one_too(self):
        body = bytes(range(256)) * (20 * MIB // 256)
        self.assertEqual(send(DOOR.url, DOOR.form("raw/large", sizes=(1, 20 * MIB)), body)[0], 204)
        self.assertTrue(STORE.client("media").get_object(Bucket=INCOMING, Key="raw/large")["Body"].read() == body)

    def test_the_door_counts_what_comes(self):
        content_type, data = filled_in(DOOR.form("raw/huge", sizes=(1, 100 * MIB)), bytes(22 * MIB))
        answer = plain.exchange(DOOR.address, plain.head("POST", f"/{INCOMING}", f"content-type: {content_type}", f"content-length: {len(data)}"))
        self.assertEqual((answer.status, answer.reason), (413, "REASON_TOO_LARGE"))  # before it came
        connection = http.client.HTTPConnection(*DOOR.address, timeout=60)
        pieces = (data[at:at + MIB] for at in range(0, len(data), MIB))
        try:
            connection.request("POST", f"/{INCOMING}", pieces, {"content-type": content_type}, encode_chunked=True)
            self.assertEqual(connection.getresponse().status, 413)
        except (ConnectionError, http.client.HTTPException):
            pass  # closed while we were still sending
        connection.close()
        self.assertFalse(self.there("raw/huge"))

    def test_what_the_store_refuses_reads_as_any_refusal(self):
        for why, fields, body, status, reason in [
            ("another type", {"Content-Type": "text/html"}, b"x" * 50, 403, "REASON_PERMISSION_DENIED"),
            ("another key", {"key": "raw/else"}, b"x" * 50, 403, "REASON_PERMISSION_DENIED"),
            ("another signature", {"x-amz-signature": "0" * 64}, b"x" * 50, 403, "REASON_PERMISSION_DENIED"),
            ("too much", {}, b"x" * 101, 413, "REASON_TOO_LARGE"),
            ("too little", {}, b"x" * 9, 400, "REASON_INVALID_ARGUMENT"),
            ("no key", {"key": None}, b"x" * 50, 400, "REASON_INVALID_ARGUMENT"),
        ]:
            with self.subTest(why):
                self.refused(send(DOOR.url, {**DOOR.form("raw/bad"), **fields}, body), status, reason)
        self.refused(send(DOOR.url, DOOR.form("raw/bad", seconds=-1), b"x" * 50), 403, "REASON_PERMISSION_DENIED")
        self.assertFalse(self.there("raw/bad") or self.there("raw/else"))

    def test_headers_of_the_client_say_nothing_to_the_store(self):
        content_type, data = filled_in(DOOR.form("raw/plain"), b"x" * 50)
        headers = {"x-amz-meta-a": "b", "x-amz-tagging": "a=b", "x-amz-storage-class": "GLACIER", "seaweed-x": "y", "x-forwarded-host": "elsewhere.test"}
        self.assertEqual(ask(f"{DOOR.url}/{INCOMING}", data, content_type=content_type, **headers)[0], 204)
        there = STORE.client("media").head_object(Bucket=INCOMING, Key="raw/plain")
        self.assertEqual((there["Metadata"], there.get("StorageClass", "STANDARD")), ({}, "STANDARD"))

    def test_a_form_goes_nowhere_else_and_nothing_else_goes_there(self):
        content_type, data = filled_in(DOOR.form("raw/stray"), b"x" * 50)
        before = DOOR.asked()
        for path in (f"/{MEDIA}", "/", f"/{INCOMING}/", f"/{INCOMING}/raw/stray", f"/{INCOMING}?delete", f"/{INCOMING}?uploads", f"/{INCOMING}?",
                     f"/{INCOMING}%3Fdelete", "/another", f"/x/{INCOMING}"):
            with self.subTest(path):
                self.assertEqual(ask(DOOR.url + path, data, content_type=content_type)[0], 404)
        for method in ("PUT", "GET", "DELETE", "PATCH", "HEAD"):
            with self.subTest(method):
                self.assertEqual(ask(f"{DOOR.url}/{INCOMING}", data, method, content_type=content_type)[0], 404)
        for other in ("application/x-www-form-urlencoded", "application/xml", "application/json", "application/grpc", "multipart/mixed; boundary=x", ""):
            with self.subTest(other):
                self.assertIn(ask(f"{DOOR.url}/{INCOMING}", data, content_type=other)[0], (200, 404) if other == "application/grpc" else (404,))
        self.assertEqual(DOOR.asked(), before)
        self.assertFalse(self.there("raw/stray"))

    def test_a_body_that_comes_slowly_or_not_at_all(self):
        slow = Through(of=SLOW)
        self.addCleanup(slow.door.remove)
        content_type, data = filled_in(slow.form("raw/slow"), b"x" * 50)
        for path, line, first, most in (
                (f"/{INCOMING}", f"content-type: {content_type}", data[:100], SLOW.upload_request),
                ("/v1/cases", ": ".join(slow.door.bearer()), b"", SLOW.whole_request + SLOW.answer)):
            with self.subTest(path), plain.connect(slow.address) as sock:
                sock.sendall(plain.head("POST", path, line, "content-length: 1000000") + first)
                sock.settimeout(0.2)
                began, answers = time.monotonic(), []
                while not answers and time.monotonic() - began < 20:
                    sock.sendall(b" ")
                    try:
                        answers, _ = plain.read_all(sock)
                    except TimeoutError:
                        continue
                self.assertEqual([(answer.status, answer.reason) for answer in answers], [(408, "REASON_INVALID_ARGUMENT")])
                self.assertAlmostEqual(time.monotonic() - began, most, delta=1.3)
        with plain.connect(slow.address) as sock:
            sock.sendall(plain.head("POST", f"/{INCOMING}", f"content-type: {content_type}", "content-length: 1000000") + data[:100])
            began = time.monotonic()
            answers, _ = plain.read_all(sock)
            self.assertEqual([answer.status for answer in answers], [408])
            self.assertLess(time.monotonic() - began, SLOW.upload_request - 1)
        self.assertEqual(slow.complaints(), [])
        self.assertFalse(self.there("raw/slow"))

    def test_one_address_sends_too_many(self):
        few = limits.Rates(limits.Rate(1, 3), limits.Rate(1, 3), limits.Rate(100, 100))
        door = Through(of=dataclasses.replace(SLOW, rates={**limits.RATES, "upload": few}))
        self.addCleanup(door.door.remove)
        statuses = [send(door.url, door.form(f"raw/many{i}"), b"x" * 50)[0] for i in range(8)]
        self.assertEqual(statuses[:3], [204] * 3)
        self.assertGreaterEqual(statuses.count(429), 3)
        self.assertEqual(door.complaints(), [])  # links have a rate of their own


class LinkTest(DoorTest):
    def test_it_brings_the_picture_and_says_how_to_take_it(self):
        for method, asked in (("GET", "get_object"), ("HEAD", "head_object")):
            status, headers, body = ask(DOOR.link("seen/photo.jpg", method=asked), method=method)
            self.assertEqual((status, body), (200, b"a picture" if method == "GET" else b""))
            for name, value in {"content-type": PHOTO, "content-length": "9", "x-content-type-options": "nosniff", "server": "civicmesh",
                                "content-security-policy": "default-src 'none'; sandbox", "cache-control": "private, max-age=300"}.items():
                self.assertEqual(headers[name], value, name)
            self.assertEqual([name for name in headers if name.lower().startswith(("x-amz", "seaweed", "access-control"))], [])

    def test_the_console_may_read_it_and_nobody_else(self):
        for origin, allowed in ((CONSOLE, CONSOLE), ("https://evil.test", None)):
            _, headers, _ = ask(DOOR.link("seen/photo.jpg"), origin=origin)
            self.assertEqual(headers["access-control-allow-origin"], allowed)

    def test_a_part_of_it(self):
        status, _, body = ask(DOOR.link("seen/photo.jpg"), range="bytes=2-4")
        self.assertEqual((status, body), (206, b"pic"))

    def test_what_the_store_refuses_reads_as_any_refusal(self):
        good = DOOR.link("seen/photo.jpg")
        denied = (403, "REASON_PERMISSION_DENIED")
        for why, url, (status, reason) in [
            ("another picture", good.replace("/seen/", "/other/"), denied),
            ("for longer", good.replace("X-Amz-Expires=60", "X-Amz-Expires=600"), denied),
            ("another signature", good[:-1] + ("0" if good[-1] != "0" else "1"), denied),
            ("another user", good.replace("X-Amz-Credential=", "X-Amz-Credential=x"), denied),
            ("expired", DOOR.link("seen/photo.jpg", seconds=0), denied),
            ("signed by who may not read", link(objects.client(DOOR.url, STORE.store.login_file("uploads")), "seen/photo.jpg"), denied),
            ("nothing there", DOOR.link("none/photo.jpg"), (404, "REASON_NOT_FOUND")),
        ]:
            with self.subTest(why):
                self.refused(ask(url), status, reason)
        for more in ({}, {"x_forwarded_host": "%s:%d" % DOOR.address}):
            self.refused(ask(good, host="elsewhere.test", **more), *denied)

    def test_nothing_else_of_the_store_is_reached(self):
        """Whoever signs it: the store is not asked."""
        operator = objects.client(DOOR.url, STORE.store.login_file("operator"))
        sign = lambda method, **what: DOOR.line(operator.generate_presigned_url(method, what, 60))
        good = DOOR.line(DOOR.link("seen/photo.jpg"))
        path, _, query = good.partition("?")
        before = DOOR.asked()
        for why, line, statuses in [
            ("buckets", sign("list_buckets"), (404,)), ("a bucket", sign("list_objects_v2", Bucket=MEDIA), (404,)),
            ("another bucket", sign("get_object", Bucket=INCOMING, Key="raw/seen"), (404,)),
            ("markers", sign("get_object", Bucket=INCOMING, Key="unused/seen"), (404,)),
            ("facts", sign("get_object", Bucket=MEDIA, Key="seen/facts"), (404,)),
            ("rights", sign("get_object_acl", Bucket=MEDIA, Key="seen/photo.jpg"), (404,)),
            ("tags", sign("get_object_tagging", Bucket=MEDIA, Key="seen/photo.jpg"), (404,)),
            ("a version", sign("get_object", Bucket=MEDIA, Key="seen/photo.jpg", VersionId="null"), (404,)),
            ("another type", sign("get_object", Bucket=MEDIA, Key="seen/photo.jpg", ResponseContentType="text/html"), (404,)),
            ("parts", sign("list_parts", Bucket=MEDIA, Key="seen/photo.jpg", UploadId="x"), (404,)),
            ("without a signature", path, (404,)), ("an empty query", f"{path}?", (404,)),
            *(("without " + left, path + "?" + "&".join(p for p in query.split("&") if not p.startswith(left + "=")), (404,))
              for left in [part.partition("=")[0] for part in query.split("&")]),
            *((more, f"{good}&{more}", (404,)) for more in ("acl", "uploads", "versionId=1", "x=1", "X-Amz-Security-Token=x", "x-id=GetObject")),
            ("older signatures", f"{path}?AWSAccessKeyId=x&Signature=y&Expires=9999999999", (404,)),
            ("another way to sign", good.replace("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"), (404,)),
            ("for days", good.replace("X-Amz-Expires=60", "X-Amz-Expires=604800"), (404,)),
            *((trick, f"{trick}?{query}", (400, 404)) for trick in (
                f"/{MEDIA}/../{INCOMING}/raw/seen", f"/{MEDIA}/%2e%2e/{INCOMING}/raw/seen", f"/{MEDIA}/seen/../../{INCOMING}/raw/seen",
                f"/{MEDIA}%2fseen%2fphoto.jpg", f"/{MEDIA}/seen%2fphoto.jpg", f"/{MEDIA}/seen%5cphoto.jpg", f"/{MEDIA}/seen/x/photo.jpg",
                f"/{MEDIA}/seen/facts", f"/{MEDIA}/seen/photo.jpg/", f"/{MEDIA}/seen/photo.jpg/..", f"/{MEDIA}/SEEN/photo.jpg", f"/{MEDIA}/se.en/photo.jpg",
                f"/{MEDIA}/photo.jpg", f"/{MEDIA}/", f"/{MEDIA}", "/", "/status", "/healthz", f"/{MEDIA}/seen/photo.jpg%00", f"/{MEDIA}/seen/photo.jpg;x",
                f"/{MEDIA}/seen/photo.jpg%3Facl", f"/{MEDIA}/seen/photo.png", "/another/seen/photo.jpg", f"/{MEDIA}/%252e%252e/photo.jpg",
                f"/{MEDIA.upper()}/seen/photo.jpg", f"/x/{MEDIA}/seen/photo.jpg")),
        ]:
            with self.subTest(why):
                answer = plain.exchange(DOOR.address, plain.head("GET", line))
                self.assertIn(answer.status, statuses)
                self.assertNotIn(b"seen", answer.body)
        for method in ("PUT", "POST", "DELETE", "PATCH", "OPTIONS", "TRACE", "get", "PROPFIND"):
            with self.subTest(method):
                self.assertIn(plain.exchange(DOOR.address, plain.head(method, good, "content-length: 0")).status, (400, 404))
        self.assertEqual(DOOR.asked(), before)

    def test_other_spellings_of_a_path_are_that_path(self):
        """So that nothing is refused here and taken there: the store is asked by the path that was compared."""
        path, _, query = DOOR.line(DOOR.link("seen/photo.jpg")).partition("?")
        host = "host: %s:%d" % DOOR.address
        for spelling in (path, f"/{path}", path.replace("/seen/", "//seen//"), path.replace("/seen/", "/./seen/"), path.replace("/seen/", "/x/%2e%2e/seen/")):
            with self.subTest(spelling):
                data = plain.head("GET", f"{spelling}?{query}").replace(b"host: door.test", host.encode())
                self.assertEqual(plain.exchange(DOOR.address, data).status, 200)

    def test_no_signature_stands_in_a_log(self):
        door = Through(of=limits.Limits())
        self.addCleanup(door.door.remove)
        url, fields = door.link("seen/photo.jpg"), door.form("raw/logged")
        ask(url)
        ask(url.replace("/seen/", "/other/"))
        ask(url + "&acl")
        send(door.url, fields, b"x" * 50)
        send(door.url, fields, b"x" * 500)
        door.door.stop()  # so that it has written its log
        told = "".join(file.read_text(errors="replace") for file in (door.door.folder / "log").iterdir())
        self.assertEqual([json.loads(line)["route"] for line in (door.door.folder / "log/access.log").read_text().splitlines()],
                         ["objects: link", "objects: link", "nowhere", "objects: upload", "objects: upload"])
        parameters = urllib.parse.parse_qs(urllib.parse.urlsplit(url).query)
        for word in (parameters["X-Amz-Signature"][0], fields["x-amz-signature"], "X-Amz-", "seen", "raw/logged"):
            self.assertNotIn(word, told)

    def test_without_a_store_there_is_no_way_to_it(self):
        door = DoorAlone()
        self.addCleanup(door.remove)
        self.assertEqual(door.get(DOOR.line(DOOR.link("seen/photo.jpg"))).status, 404)
        self.assertEqual(door.get(f"/{INCOMING}", ("content-type", "multipart/form-data; boundary=x"), method="POST").status, 404)


if __name__ == "__main__":
    unittest.main()
