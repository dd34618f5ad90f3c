"""civicctl backup and restore of an installation with an object store: what is copied comes back as it was, and what is no whole
copy, or no empty installation, is refused before anything is written.

Needs the built programs (CIVICMESH_BIN) and what deploy/install installs.
"""
import contextlib
import hashlib
import http.server
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import threading
import unittest

from store_alone import PHOTO, StoreAlone, objects
import broker  # pylint: disable=wrong-import-order

BIN = pathlib.Path(os.environ["CIVICMESH_BIN"])
INCOMING, MEDIA = objects.BUCKETS
TOPIC = "civicmesh.intake.parked.v1"
# By bucket and key the type and the content; one of more than a piece, one of nothing, more than a page of a list.
OBJECTS = {(MEDIA, "u1/photo.jpg"): (PHOTO, bytes(range(256)) * 24_000), (MEDIA, "u1/thumbnail.jpg"): (PHOTO, b"small"),
           (MEDIA, "u2/voice.ogg"): ("audio/ogg", b"sound"), (MEDIA, "u1/facts"): ("application/octet-stream", b"\0\1"),
           (INCOMING, "raw/u3"): (PHOTO, b"raw"), (INCOMING, "unused/u3"): ("text/plain", b""),
           **{(INCOMING, f"unused/many-{i}"): ("text/plain", b"") for i in range(1_001)}}


class Stores(StoreAlone):
    """An object store, and a Kafka with the topics of one shard."""

    def start(self, ports):
        super().start(ports)
        self.port = broker.free_port()
        broker.start_kafka(self.parts, self.port, broker.free_port())
        broker.await_kafka(self.parts, self.port)
        subprocess.run([BIN / "civicctl", "topics", "create", f"--kafka={self.kafka}", "--shards=1"], check=True, stdout=subprocess.DEVNULL)

    @property
    def kafka(self):
        return f"127.0.0.1:{self.port}"

    def write(self, record):
        subprocess.run(["kcat", "-b", self.kafka, "-P", "-t", TOPIC, "-p", "0"], input=record, check=True)

    def records(self):
        """How many the topic has had."""
        said = subprocess.run(["kcat", "-b", self.kafka, "-Q", "-t", f"{TOPIC}:0:-1"], check=True, capture_output=True, text=True).stdout
        return int(re.search(r"offset (\d+)", said)[1])

    def contents(self):
        """Of all objects, their type, metadata and digest; of the many, their size."""
        media, found = self.client("media"), {}
        for bucket in objects.BUCKETS:
            for page in media.get_paginator("list_objects_v2").paginate(Bucket=bucket):
                for one in page.get("Contents", []):
                    if not one["Key"].startswith("unused/many-"):
                        got = media.get_object(Bucket=bucket, Key=one["Key"])
                        found[bucket, one["Key"]] = got["ContentType"], got["Metadata"], hashlib.sha256(got["Body"].read()).hexdigest()
                    else:
                        found[bucket, one["Key"]] = one["Size"]
        return found

    def remove(self):
        self.parts.stop("kafka")
        super().remove()


class Watched(http.server.ThreadingHTTPServer):
    """A store whose buckets hold `held` by bucket and key, and that asks `on(method, path)` for the status of its answer."""

    daemon_threads = True

    def __init__(self, held, on):
        self.held, self.on = held, on
        super().__init__(("127.0.0.1", 0), _Answer)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"


class _Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):  # pylint: disable=invalid-name
        bucket, _, key = self.path.partition("?")[0][1:].partition("/")
        if key:
            self.answer(self.server.held.get((bucket, key), b""))
            return
        listed = "".join(f"<Contents><Key>{k}</Key><LastModified>2026-12-02T04:00:00.000Z</LastModified><Size>{len(v)}</Size></Contents>"
                         for (b, k), v in self.server.held.items() if b == bucket)
        self.answer(f"<ListBucketResult>{listed}</ListBucketResult>".encode())

    def do_PUT(self):  # pylint: disable=invalid-name
        self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(b"")

    def answer(self, body):
        self.send_response(self.server.on(self.command, self.path.partition("?")[0]))
        self.send_header("Content-Type", PHOTO)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):  # pylint: disable=arguments-differ
        pass


@contextlib.contextmanager
def watched(held, on):
    with Watched(held, on) as store:
        threading.Thread(target=store.serve_forever, daemon=True).start()
        yield store
        store.shutdown()


class CopyTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.source, cls.other = Stores(), Stores()
        cls.addClassCleanup(cls.source.remove)
        cls.addClassCleanup(cls.other.remove)
        cls.source.write(b"a record")

    def setUp(self):
        self.safe = pathlib.Path(tempfile.mkdtemp(prefix="safe-"))
        self.addCleanup(shutil.rmtree, self.safe)

    def ctl(self, what, folder, *options, stores, words=None):
        """`words`: it refuses, and says these."""
        done = subprocess.run([BIN / "civicctl", what, folder, f"--kafka={stores.kafka}", "--shards=1", *options],
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 1 if words else 0, done.stdout + done.stderr)
        if words:
            self.assertIn(words, done.stderr)
        return done.stdout

    def copy(self, stores, what, folder, words=None, objects_of=None, at=None, user="media"):
        """With the objects of `stores`, where no others are named, or of the store `at`."""
        store = (objects_of or stores).store
        return self.ctl(what, folder, f"--objects={at or store.url}", f"--objects-login-file={store.login_file(user)}", stores=stores,
                        words=words)

    def nothing_written(self):
        self.assertEqual(self.other.contents(), {})
        self.assertEqual(self.other.records(), 0)

    def test_what_is_copied_comes_back(self):
        source, other, copy = self.source, self.other, self.safe / "copy"
        media = source.client("media")
        for (bucket, key), (content_type, body) in OBJECTS.items():
            media.put_object(Bucket=bucket, Key=key, Body=body, ContentType=content_type, Metadata={"made-by": "us"} if body == b"small" else {})
        self.addCleanup(lambda: [media.delete_object(Bucket=bucket, Key=key) for bucket, key in OBJECTS])
        before = source.contents()
        self.assertEqual(set(before), set(OBJECTS))
        media.put_object(Bucket=INCOMING, Key="heard/intake/0", Body=b"1")
        self.assertIn(f"{len(OBJECTS)} objects, {sum(len(body) for _, body in OBJECTS.values())} bytes", self.copy(source, "backup", copy))
        for folder in (copy, copy / "objects"):
            subprocess.run(["sha256sum", "--quiet", "-c", "SHA256SUMS"], cwd=folder, check=True)
        listed = {(one["bucket"], one["key"]): one["size"] for one in json.loads((copy / "objects/manifest.json").read_text())["objects"]}
        self.assertEqual(listed, {at: len(body) for at, (_, body) in OBJECTS.items()})
        self.assertEqual({path.stat().st_mode & 0o077 for path in copy.rglob("*")}, {0})
        self.copy(source, "backup", copy, "is not empty")
        self.copy(source, "restore", copy, "is not empty")
        self.copy(other, "restore", copy, f"{INCOMING} is not empty", objects_of=source)
        media.delete_object(Bucket=INCOMING, Key="heard/intake/0")
        self.assertEqual(source.contents(), before)

        self.ctl("restore", copy, stores=other, words="say with --objects and --objects-login-file")
        for why, harm, words in (
                ("a byte", lambda at: (at / MEDIA / "u1/photo.jpg").write_bytes(OBJECTS[MEDIA, "u1/photo.jpg"][1][:-1]), "is damaged"),
                ("a file", lambda at: (at / MEDIA / "u1/facts").unlink(), "is damaged"),
                ("the manifest", lambda at: (at / "manifest.json").write_text("{}"), "is damaged"),
                ("a line of the sums", lambda at: (at / "SHA256SUMS").write_text("\n".join((at / "SHA256SUMS").read_text().splitlines()[1:])),
                 "do not agree"),
                ("the sums", lambda at: (at / "SHA256SUMS").unlink(), "was not finished"),
                ("a record", lambda at: (at.parent / TOPIC / "0").write_bytes(b""), "is damaged"),
                ("the sums of the records", lambda at: (at.parent / "SHA256SUMS").unlink(), "was not finished")):
            with self.subTest(why):
                broken = self.safe / "broken"
                shutil.copytree(copy, broken)
                harm(broken / "objects")
                self.copy(other, "restore", broken, words)
                shutil.rmtree(broken)
        self.nothing_written()
        restored = Stores()
        self.addCleanup(restored.remove)
        self.assertIn(f"restored {len(OBJECTS)} objects", self.copy(restored, "restore", copy))
        self.assertEqual(restored.contents(), before)
        self.assertEqual(restored.records(), 1)

    def test_an_object_that_could_not_be_a_file_of_its_name_is_no_object_of_ours(self):
        copy = self.safe / "copy"
        self.source.client("media").put_object(Bucket=INCOMING, Key="raw/.hidden", Body=b"x")
        self.addCleanup(lambda: self.source.client("media").delete_object(Bucket=INCOMING, Key="raw/.hidden"))
        self.copy(self.source, "backup", copy, "cannot be a file of that name")
        self.assertFalse((copy / "objects/SHA256SUMS").exists())

    def test_a_store_that_does_not_answer_or_lets_nobody_in_is_noticed_first(self):
        copy = self.safe / "copy"
        self.copy(self.source, "backup", copy, INCOMING, at=f"http://127.0.0.1:{broker.free_port()}")
        self.copy(self.source, "backup", copy, "the object store answered 403", user="links")
        with watched({}, lambda *_: 404) as store:
            self.copy(self.source, "backup", copy, f"has no bucket {INCOMING}", at=store.url)
        self.assertFalse(copy.exists())

    def test_without_objects_it_says_so(self):
        copy = self.safe / "copy"
        self.assertIn("Photos and recordings were NOT copied", self.ctl("backup", copy, stores=self.source))
        self.copy(self.other, "restore", copy, "was made without --objects")
        self.nothing_written()
        restored = Stores()
        self.addCleanup(restored.remove)
        self.assertIn("has no photos and recordings", self.ctl("restore", copy, stores=restored))
        self.assertEqual(restored.records(), 1)

    def test_journals_are_copied_before_objects(self):
        copy, whole = self.safe / "copy", []

        def on(method, path):
            if path == f"/{MEDIA}/u1/photo.jpg":
                whole.append((copy / "SHA256SUMS").exists())
                return 500
            return 200
        with watched({(MEDIA, "u1/photo.jpg"): b"photo"}, on) as store:
            self.copy(self.source, "backup", copy, "has the journals, but not all objects", at=store.url)
        self.assertEqual(whole, [True])
        # What was broken off is no whole backup, whatever one asks.
        self.copy(self.other, "restore", copy, "was not finished")
        self.ctl("restore", copy, stores=self.other, words="say with --objects")
        self.nothing_written()

    def test_objects_are_restored_and_compared_before_journals(self):
        copy, photo = self.safe / "copy", {(MEDIA, "u1/photo.jpg"): b"photo"}
        with watched(photo, lambda *_: 200) as store:
            self.copy(self.source, "backup", copy, at=store.url)
        for words, refuses in (("answered 500", "PUT"), ("came out of the store otherwise", None)):
            asked = []

            def on(method, path, refuses=refuses, asked=asked):
                asked.append(method)
                return 500 if method == refuses else 200
            with self.subTest(words), watched({}, on) as store:
                self.copy(self.other, "restore", copy, words, at=store.url)
                self.assertIn("PUT", asked)
                self.assertEqual(self.other.records(), 0)


if __name__ == "__main__":
    unittest.main()
