"""Photos and recordings in a whole city: announced, posted through the real door into the real object store, looked at, attached,
fetched by those who may and by nobody else, kept, let go and erased; while the store is away, and over a kill of media. And a
person's copy of all that the city has about them (civicctl copy), of which they are the largest part.

Needs the built programs (CIVICMESH_BIN) and what deploy/install installs.
"""
import base64
import hashlib
import http.server
import io
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
import urllib.parse
import urllib.request

from PIL import Image

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import files  # pylint: disable=wrong-import-position
from town import BIN, ROOT, AskedTown, new_request_id  # pylint: disable=wrong-import-position
import objects  # pylint: disable=wrong-import-position,wrong-import-order

PATIENCE = 60  # seconds; only for a test that fails
GRIDS = iter(json.loads((ROOT / "deploy/sample/district.json").read_text(encoding="utf-8"))["grids"])


def somewhere():
    """A place where nobody has reported anything yet: reports of one place become one case."""
    ring = next(GRIDS)["ring"]
    return {axis: sum(point[axis] for point in ring) / len(ring) for axis in ("latitude", "longitude")}


class Listener(http.server.BaseHTTPRequestHandler):
    """Whoever listens to recordings for the city: says `answer`."""
    answer, asked = b"", []

    def do_POST(self):
        Listener.asked.append((self.headers["content-type"], self.rfile.read(int(self.headers["content-length"]))))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(Listener.answer)

    def log_message(self, *_):
        pass


class City(AskedTown):
    def __init__(self):
        self.listener = http.server.HTTPServer(("127.0.0.1", 0), Listener)
        threading.Thread(target=self.listener.serve_forever, daemon=True).start()
        os.environ["CIVICMESH_TRANSCRIBER"] = f"http://127.0.0.1:{self.listener.server_port}/"
        super().__init__("up-", "--services=intake,dispatch,media,points,volunteering", "--clock=real", "--development-tokens")
        self.citizen = self.token("citizen-1", "CITIZEN")
        self.store = objects.client(self.where["objects"]["url"], pathlib.Path(self.where["objects"]["logins"]["operator"]))

    def ok(self, *call, **more):
        status, answer = self.call(*call, **more)
        if status != 200:
            raise AssertionError(f"{call}: {status} {answer}")
        return answer

    def reason(self, *call, **more):
        status, answer = self.call(*call, **more)
        return status, next((detail["reason"] for detail in answer.get("details", []) if "reason" in detail), "")

    def announce(self, file, content_type="image/jpeg", token=None, **other):
        request = {"request_id": new_request_id(), "content_type": content_type, "size_bytes": len(file),
                   "sha256": base64.b64encode(hashlib.sha256(file).digest()).decode(), **other}
        return self.ok("POST", "/v1/uploads", request, token)

    def post(self, upload, file, **fields):
        """The status that the store answers."""
        form = upload["form"]
        body, content_type = files.multipart({**form["fields"], **fields}, form.get("fileField", form.get("file_field")), file)
        request = urllib.request.Request(form["url"], data=body, headers={"content-type": content_type}, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            with error:
                return error.code

    def finish(self, upload, token=None):
        return self.call("POST", f"/v1/{upload['name']}:finish", {"claim": upload["claim"]}, token)

    def uploaded(self, file, content_type="image/jpeg", token=None):
        upload = self.announce(file, content_type, token)
        if self.post(upload, file) not in (200, 201, 204):
            raise AssertionError("the form was not taken")
        status, ready = self.finish(upload, token)
        if status != 200:
            raise AssertionError(f"{status} {ready}")
        return ready

    def report(self, token, **fields):
        return self.ok("POST", "/v1/reports", {"request_id": new_request_id(), "text": "路边有一堆垃圾没人收", "location": somewhere(), **fields},
                       token)

    def fetch(self, link):
        """Status, headers and content, as somebody who has nothing but the link."""
        try:
            with urllib.request.urlopen(link, timeout=30) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers, error.read()

    def has(self, bucket, key):
        return any(one["Key"] == key for one in self.store.list_objects_v2(Bucket=bucket, Prefix=key).get("Contents", []))

    def until(self, holds):
        end = time.monotonic() + PATIENCE
        while not holds():
            if time.monotonic() > end:
                raise AssertionError("does not come")
            time.sleep(0.1)


def setUpModule():
    global CITY
    CITY = City()
    unittest.addModuleCleanup(CITY.remove)


def attached(upload, kind):
    """What clients send: the attachment as it was answered."""
    return {**upload["attachment"], "kind": kind}


def sent(upload, kind):
    """What a client sends that keeps to what it needs."""
    return {"uri": upload["attachment"]["uri"], "ticket": upload["attachment"]["ticket"], "kind": kind}


class Photos(unittest.TestCase):
    def test_a_photo_comes_in_without_what_the_camera_noted_and_is_shown_to_who_may_see_the_report(self):
        file = files.photo()
        ready = CITY.uploaded(file, token=CITY.citizen)
        self.assertAlmostEqual(ready["attachment"]["taken_location"]["latitude"], files.PLACE[0], places=4)
        self.assertAlmostEqual(ready["attachment"]["taken_location"]["longitude"], files.PLACE[1], places=4)
        report = CITY.report(CITY.citizen, photos=[attached(ready, "KIND_NEAR")])

        photo = CITY.ok("GET", f"/v1/{report['name']}", token=CITY.citizen)["photos"][0]
        status, headers, content = CITY.fetch(photo["link"])
        self.assertEqual((status, headers["content-type"]), (200, "image/jpeg"))
        self.assertEqual(headers["x-content-type-options"], "nosniff")
        self.assertEqual(base64.b64encode(hashlib.sha256(content).digest()).decode(), photo["sha256"])
        picture = Image.open(io.BytesIO(content))
        self.assertEqual(picture.size, (1600, 1200))
        self.assertFalse(picture.getexif())
        for noted in (b"Exif", b"Maker of cameras", b"a comment of the owner"):
            self.assertNotIn(noted, content)
        self.assertLessEqual(max(Image.open(io.BytesIO(CITY.fetch(photo["thumbnail_link"])[2])).size), 320)

        clerk = CITY.token("registrar-01", "REGISTRAR")
        self.assertEqual(CITY.fetch(CITY.ok("GET", f"/v1/{report['name']}", token=clerk)["photos"][0]["link"])[0], 200)
        self.assertEqual(CITY.call("GET", f"/v1/{report['name']}", token=CITY.token("citizen-2", "CITIZEN"))[0], 404)

        # The case has it too, and its staff.
        CITY.until(lambda: CITY.ok("GET", f"/v1/{report['name']}", token=CITY.citizen).get("case"))
        case = CITY.ok("GET", f"/v1/{report['name']}", token=CITY.citizen)["case"]
        shown = CITY.ok("GET", f"/v1/{case}", token=clerk)["photos"][0]
        self.assertEqual(CITY.fetch(shown["link"])[2], content)
        self.assertNotIn("taken_location", shown)

        # Used, so it stays.
        upload = ready["name"].removeprefix("uploads/")
        CITY.until(lambda: not CITY.has("civicmesh-incoming", f"unused/{upload}"))
        self.assertTrue(CITY.has("civicmesh-media", f"{upload}/used"))
        self.assertFalse(CITY.has("civicmesh-incoming", f"raw/{upload}"))
        for domain in ("intake", "dispatch"):
            CITY.until(lambda of=domain: CITY.has("civicmesh-incoming", f"heard/{of}/0"))  # media says how far it has read

    def test_nobody_fetches_it_without_the_link_nor_with_another(self):
        ready = CITY.uploaded(files.photo(seed=2), token=CITY.citizen)
        link = ready["attachment"]["link"]
        self.assertEqual(CITY.fetch(link)[0], 200)
        path, query = link.split("?")
        other = CITY.uploaded(files.photo(seed=3), token=CITY.citizen)["attachment"]["link"]
        signed = dict(urllib.parse.parse_qsl(query))
        later = urllib.parse.urlencode({**signed, "X-Amz-Expires": "604800"})
        for wrong in (path, f"{other.split('?')[0]}?{query}", f"{path}?{later}", link[:-1] + ("0" if link[-1] != "0" else "1"),
                      path.replace("photo.jpg", "facts") + f"?{query}", path.rsplit("/", 2)[0] + f"/?list-type=2&{query}"):
            with self.subTest(wrong.split("?")[0]):
                self.assertIn(CITY.fetch(wrong)[0], (403, 404))

    def test_without_a_ticket_of_ones_own_it_cannot_be_attached(self):
        ready = CITY.uploaded(files.photo(seed=4), token=CITY.citizen)
        thief = CITY.token("citizen-2", "CITIZEN")
        for token, photo in ((thief, sent(ready, "KIND_NEAR")), (CITY.citizen, {**sent(ready, "KIND_NEAR"), "ticket": ""}),
                             (CITY.citizen, {**sent(ready, "KIND_NEAR"), "uri": "uploads/u-0000000000000000"})):
            request = {"request_id": new_request_id(), "text": "垃圾", "photos": [photo]}
            self.assertEqual(CITY.reason("POST", "/v1/reports", request, token), (400, "REASON_UPLOAD_TICKET"))
        self.assertEqual(CITY.report(CITY.citizen, photos=[sent(ready, "KIND_NEAR")])["photos"][0]["width_px"], 1600)

    def test_what_is_no_picture_is_refused_and_gone(self):
        page = b"<html><script>alert(1)</script></html>" * 20
        # What the sender says it is, what it is, and why not.
        for content_type, file, reason in (("image/jpeg", page, "REASON_NOT_A_PICTURE"), ("image/png", files.photo(), "REASON_NOT_A_PICTURE"),
                                           ("image/png", files.bomb(), "REASON_TOO_LARGE"), ("image/jpeg", files.photo()[:5000], "REASON_BROKEN"),
                                           ("audio/mp4", files.photo(), "REASON_NOT_A_RECORDING"),
                                           ("image/jpeg", files.photo(32, 32), "REASON_TOO_SMALL")):
            with self.subTest(reason):
                upload = CITY.announce(file, content_type, CITY.citizen)
                self.assertIn(CITY.post(upload, file), (200, 201, 204))
                self.assertEqual(CITY.reason("POST", f"/v1/{upload['name']}:finish", {"claim": upload["claim"]}, CITY.citizen), (400, reason))
                self.assertFalse(CITY.has("civicmesh-incoming", f"raw/{upload['name'].removeprefix('uploads/')}"))

    def test_the_form_takes_the_file_that_was_announced_and_no_other(self):
        file = files.photo(seed=5)
        upload = CITY.announce(file, token=CITY.citizen)
        for other in (file + b"x", file[:-1], b""):
            self.assertIn(CITY.post(upload, other), (400, 403, 413))
        self.assertIn(CITY.post(upload, file, **{"Content-Type": "text/html"}), (400, 403))
        self.assertIn(CITY.post(upload, file, key="raw/u-another"), (400, 403))
        self.assertEqual(CITY.reason("POST", f"/v1/{upload['name']}:finish", {"claim": upload["claim"]}, CITY.citizen),
                         (400, "REASON_NOT_UPLOADED"))
        # Another file of that size the store cannot tell from it; media does.
        self.assertIn(CITY.post(upload, files.noise(len(file))), (200, 201, 204))
        self.assertEqual(CITY.reason("POST", f"/v1/{upload['name']}:finish", {"claim": upload["claim"]}, CITY.citizen)[1], "REASON_OTHER_FILE")
        self.assertIn(CITY.post(upload, file), (200, 201, 204))
        self.assertEqual(CITY.finish(upload, CITY.citizen)[0], 200)


class Example(unittest.TestCase):
    def test_the_example_hands_in_a_photo(self):
        with tempfile.TemporaryDirectory() as folder:
            photo = pathlib.Path(folder) / "bin.jpg"
            photo.write_bytes(files.photo(seed=8))
            place = somewhere()
            done = subprocess.run([sys.executable, ROOT / "examples/python/photo_report.py", photo, "垃圾桶满溢", str(place["latitude"]),
                                   str(place["longitude"])], capture_output=True, text=True, check=False,
                                  env={**os.environ, "CIVICMESH_DOOR": CITY.where["door"]})
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(CITY.fetch(done.stdout.split("keeps it: ")[1].split()[0])[0], 200)
        name, code = done.stdout.split("report: ")[1].split(",")[0], done.stdout.split()[-1]
        shown = CITY.ok("POST", f"/v1/{name}:track", {"tracking_code": code})
        self.assertEqual(shown["photos"][0]["width_px"], 1600)


class Voices(unittest.TestCase):
    def test_a_recording_is_for_the_reporter_and_goes_with_the_erasure(self):
        person = CITY.token("citizen-9", "CITIZEN")
        ready = CITY.uploaded(files.recording(), "audio/mp4", person)
        self.assertAlmostEqual(int(ready["attachment"]["length_ms"]), 3000, delta=150)
        report = CITY.report(person, voices=[attached(ready, "KIND_VOICE")])
        voice = CITY.ok("GET", f"/v1/{report['name']}", token=person)["voices"][0]
        content = CITY.fetch(voice["link"])[2]
        self.assertTrue(content.startswith(b"OggS"))
        self.assertNotIn(b"Lane 5", content)
        self.assertEqual(CITY.ok("GET", f"/v1/{report['name']}", token=CITY.token("registrar-01", "REGISTRAR"))["voices"], [])

        CITY.ok("POST", "/v1/personalData:erase", {"request_id": new_request_id(), "understood": True}, person)
        CITY.until(lambda: CITY.fetch(voice["link"])[0] == 404)
        upload = ready["name"].removeprefix("uploads/")
        self.assertFalse(CITY.has("civicmesh-media", f"{upload}/facts"))

    def test_what_was_heard_is_told_to_who_spoke(self):
        person = CITY.token("citizen-10", "CITIZEN")
        for answer, told in (('{"text": "路灯不亮"}', "路灯不亮"), ('{"text": 5}', ""), ("<html>", ""), ('{"text": "' + "长" * 5000 + '"}', "长" * 4000)):
            Listener.answer = answer.encode()
            ready = CITY.uploaded(files.recording(1), "audio/mp4", person)
            self.assertEqual(ready.get("transcript", ""), told)
            content_type, heard = Listener.asked[-1]
            self.assertEqual((content_type, heard), ("audio/ogg", CITY.fetch(ready["attachment"]["link"])[2]))

    def test_an_anonymous_reporter_needs_no_token_for_it(self):
        ready = CITY.uploaded(files.recording(1), "audio/mp4")
        report = CITY.report(None, anonymous=True, voices=[sent(ready, "KIND_VOICE")])
        shown = CITY.ok("POST", f"/v1/{report['name']}:track", {"tracking_code": report["tracking_code"]})
        self.assertEqual(CITY.fetch(shown["voices"][0]["link"])[0], 200)


class Copies(unittest.TestCase):
    def setUp(self):
        self.home = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))

    def copy(self, token, code=0):
        """What civicctl says of it."""
        (self.home / "token").write_text(token + "\n", encoding="ascii")
        done = subprocess.run([BIN / "civicctl", "copy", self.home / "mine/", f"--door={CITY.where['door']}",
                               f"--token-file={self.home / 'token'}"], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def part(self, name):
        return json.loads((self.home / "mine" / name).read_text(encoding="utf-8"))

    def in_the_city(self, person, token, words):
        """A report with a photo, one with a recording and a photo that was added, nine more; points, a redemption, and a service."""
        photos = [CITY.uploaded(files.photo(seed=len(words) + i), token=token) for i in (20, 21)]
        CITY.report(token, text=words, contact={"name": words}, photos=[sent(photos[0], "KIND_NEAR")])
        spoken = CITY.report(token, voices=[sent(CITY.uploaded(files.recording(1), "audio/mp4", token), "KIND_VOICE")])
        CITY.ok("POST", f"/v1/{spoken['name']}:add", {"request_id": new_request_id(), "text": words, "photos": [sent(photos[1], "KIND_FAR")]}, token)
        for _ in range(9):
            CITY.ok("POST", "/v1/reports", {"request_id": new_request_id(), "text": words}, token)
        gateway, now = CITY.token("gateway-1", "GATEWAY"), time.gmtime()
        for rule in ("traffic_month", "culture_event"):
            CITY.ok("POST", "/v1/accounts:recordEarning", {"request_id": new_request_id(), "rule": rule, "citizen": person, "source": new_request_id(),
                                                           "occurred_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", now)}, gateway)
        item = CITY.ok("POST", "/v1/items:stock", {"request_id": new_request_id(), "catalogue_id": "tote-bag"},
                       CITY.token("catalogue-1", "CATALOGUE_MANAGER"))
        CITY.ok("POST", "/v1/redemptions", {"request_id": new_request_id(), "item": item["name"], "quantity": 1, "price_points": 25}, token)
        CITY.until(lambda: CITY.ok("GET", "/v1/redemptions", token=token)["redemptions"][0]["voucher"])
        starts = [time.strftime("%Y-%m-%dT%H:00:00Z", time.gmtime(time.time() + hours * 3600)) for hours in (24, 26)]
        activity = CITY.ok("POST", "/v1/activities", {"request_id": new_request_id(), "title_zh": "河道清洁", "place_zh": "河边", "location": somewhere(),
                                                      "starts_at": starts[0], "ends_at": starts[1], "capacity": 5, "risks_zh": "注意水深"},
                           CITY.token("organiser-1", "ORGANISER"))
        CITY.ok("POST", f"/v1/{activity['name']}:signUp", {"request_id": new_request_id(), "age_band": "AGE_BAND_ADULT"}, token)

    def test_a_person_has_all_that_is_theirs_and_nothing_of_anybody_else(self):
        mine, theirs = CITY.token("citizen-20", "CITIZEN"), CITY.token("citizen-21", "CITIZEN")
        self.in_the_city("citizen-20", mine, "我家门口的路灯坏了")
        self.in_the_city("citizen-21", theirs, "另一个人的事")
        self.assertIn("index.json says what there is", self.copy(mine))
        self.assertEqual([path.name for path in self.home.iterdir() if path.name != "token"], ["mine"])
        self.assertEqual((self.home / "mine").stat().st_mode & 0o777, 0o700)

        reports = [one["report"] for one in self.part("reports.json")]
        self.assertEqual(sorted(one["text"] for one in reports), sorted(["我家门口的路灯坏了"] * 10 + ["路边有一堆垃圾没人收"]))
        self.assertEqual(self.part("reports.json")[-1]["contact"]["name"], "我家门口的路灯坏了")
        self.assertEqual([self.part("account.json")[held] for held in ("issued", "available", "redeemed")], ["25", "0", "25"])
        self.assertEqual([one["kind"].removeprefix("TRANSACTION_KIND_") for one in self.part("transactions.json")],
                         ["REDEEMED", "HELD", "GRANTED", "GRANTED"])
        self.assertEqual([len(one["voucher"]) for one in self.part("redemptions.json")], [16])
        self.assertEqual([one["title_zh"] for one in self.part("service_records.json")], ["河道清洁"])

        links = [one["link"] for report in reports for part in (report, *report["supplements"]) for one in part["photos"] + part.get("voices", [])]
        self.assertEqual(sorted(links), sorted(one["file"] for one in self.part("index.json")["files"]["entries"]))
        self.assertEqual(len(links), 3)
        for one in self.part("index.json")["files"]["entries"]:
            content = (self.home / "mine" / one["file"]).read_bytes()
            self.assertTrue(content.startswith(b"OggS" if one["kind"] == "KIND_VOICE" else b"\xff\xd8"))
            self.assertEqual((hashlib.sha256(content).hexdigest(), one["as_the_report_says"]), (one["sha256"], True))
        self.assertEqual(self.part("index.json")["not_had"]["entries"], [])

        other = CITY.ok("GET", "/v1/accounts/me", token=theirs)["owner_token"]
        for path in (self.home / "mine").rglob("*"):
            if path.is_file():
                for foreign in (other.encode(), "另一个人的事".encode()):
                    self.assertNotIn(foreign, path.read_bytes())

    def test_whose_token_is_not_taken_gets_no_folder(self):
        for token, why in ((CITY.token("citizen-20", "CITIZEN", exp=int(time.time()) - 600), "does not take the token"),
                           (CITY.token("registrar-01", "REGISTRAR"), "the token is another one's")):
            self.assertIn(why, self.copy(token, code=1))
            self.assertEqual([path.name for path in self.home.iterdir()], ["token"])

    def test_after_an_erasure_the_copy_says_what_is_gone(self):
        person = CITY.token("citizen-22", "CITIZEN")
        self.in_the_city("citizen-22", person, "要被删除的话")
        CITY.ok("POST", "/v1/personalData:erase", {"request_id": new_request_id(), "understood": True}, person)
        voice = CITY.ok("GET", "/v1/reports", token=person)["reports"][-2]["voices"][0]
        CITY.until(lambda: not CITY.has("civicmesh-media", f"{voice['uri'].removeprefix('uploads/')}/voice.ogg"))
        self.assertIn(f"not had: {voice['uri']}: The store has it no more.", self.copy(person))
        self.assertTrue(all(one["report"]["erased"] and "contact" not in one for one in self.part("reports.json")))
        # Points and volunteering are not reached: they know the person's token alone.
        self.assertEqual((len(self.part("redemptions.json")), len(self.part("service_records.json"))), (1, 1))


class Troubles(unittest.TestCase):
    def test_a_killed_media_has_lost_nothing(self):
        file = files.photo(seed=6)
        upload = CITY.announce(file, token=CITY.citizen)
        self.assertIn(CITY.post(upload, file), (200, 201, 204))
        os.kill(int(CITY.where["pids"]["media"]), signal.SIGKILL)
        CITY.revive()
        CITY.until(lambda: CITY.finish(upload, CITY.citizen)[0] == 200)
        CITY.report(CITY.citizen, photos=[sent(CITY.finish(upload, CITY.citizen)[1], "KIND_NEAR")])

    def test_reports_do_not_wait_for_the_store(self):
        file = files.photo(seed=7)
        upload = CITY.announce(file, token=CITY.citizen)
        store = int(CITY.where["pids"]["objects"])
        os.kill(store, signal.SIGSTOP)
        try:
            CITY.report(CITY.citizen)
        finally:
            os.kill(store, signal.SIGCONT)
        os.kill(store, signal.SIGKILL)
        CITY.until(lambda: CITY.finish(upload, CITY.citizen)[0] == 503)
        CITY.report(CITY.citizen)
        CITY.revive()
        CITY.until(lambda: CITY.post(upload, file) in (200, 201, 204))
        CITY.until(lambda: CITY.finish(upload, CITY.citizen)[0] == 200)


if __name__ == "__main__":
    unittest.main()
