"""deploy/objects/copy: what is copied comes back as it was, and what is no whole copy, or no empty store, is refused before
anything is written."""
import hashlib
import json
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from store_alone import PHOTO, ROOT, StoreAlone, objects

INCOMING, MEDIA = objects.BUCKETS
# By bucket and key the type and the content; one of more than a piece, one of nothing, more than a page of a list.
OBJECTS = {(MEDIA, "u1/photo.jpg"): (PHOTO, bytes(range(256)) * 24_000), (MEDIA, "u1/thumbnail.jpg"): (PHOTO, b"small"),
           (MEDIA, "u2/voice.ogg"): ("audio/ogg", b"sound"), (MEDIA, "u1/facts"): ("application/octet-stream", b"\0\1"),
           (INCOMING, "raw/u3"): (PHOTO, b"raw"), (INCOMING, "unused/u3"): ("text/plain", b""),
           **{(INCOMING, f"unused/many-{i}"): ("text/plain", b"") for i in range(1_001)}}


def contents(store):
    """Of all objects, their type and digest."""
    media, found = store.client("media"), {}
    for bucket in objects.BUCKETS:
        for page in media.get_paginator("list_objects_v2").paginate(Bucket=bucket):
            for one in page.get("Contents", []):
                if not one["Key"].startswith("unused/many-"):
                    got = media.get_object(Bucket=bucket, Key=one["Key"])
                    found[bucket, one["Key"]] = got["ContentType"], got["Metadata"], hashlib.sha256(got["Body"].read()).hexdigest()
                else:
                    found[bucket, one["Key"]] = one["Size"]
    return found


class CopyTest(unittest.TestCase):
    def setUp(self):
        self.safe = pathlib.Path(tempfile.mkdtemp(prefix="safe-"))
        self.addCleanup(shutil.rmtree, self.safe)

    def store(self):
        store = StoreAlone()
        self.addCleanup(store.remove)
        return store

    def copy(self, store, what, folder, words=None):
        """`words`: it refuses, and says these."""
        done = subprocess.run([ROOT / "deploy/objects/copy", what, folder, "--url", store.store.url, "--login", store.store.login_file("media")],
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 1 if words else 0, done.stderr)
        if words:
            self.assertIn(words, done.stderr)
            self.assertNotIn("Traceback", done.stderr)
        return done.stdout

    def test_what_is_copied_comes_back(self):
        source, copy = self.store(), self.safe / "copy"
        media = source.client("media")
        for (bucket, key), (content_type, body) in OBJECTS.items():
            media.put_object(Bucket=bucket, Key=key, Body=body, ContentType=content_type, Metadata={"made-by": "us"} if body == b"small" else {})
        before = contents(source)
        self.assertEqual(set(before), set(OBJECTS))
        source.client("media").put_object(Bucket=INCOMING, Key="heard/intake/0", Body=b"1")
        copy.mkdir()
        self.copy(source, "backup", copy, "civicctl backup comes first")
        (copy / "SHA256SUMS").touch()
        self.copy(source, "restore", copy, "has no objects, or was not finished")
        self.copy(source, "backup", copy)
        subprocess.run(["sha256sum", "--quiet", "-c", "SHA256SUMS"], cwd=copy / "objects", check=True)
        listed = {(one["bucket"], one["key"]): one["size"] for one in json.loads((copy / "objects/manifest.json").read_text())["objects"]}
        self.assertEqual(listed, {at: len(body) for at, (_, body) in OBJECTS.items()})
        self.assertEqual({path.stat().st_mode & 0o077 for path in (copy / "objects").rglob("*")}, {0})
        self.copy(source, "backup", copy, "is there already")
        self.copy(source, "restore", copy, f"{INCOMING} is not empty")
        self.assertEqual(set(contents(source)), set(OBJECTS) | {(INCOMING, "heard/intake/0")})

        other = self.store()
        for why, harm, words in (
                ("a byte", lambda at: (at / MEDIA / "u1/photo.jpg").write_bytes(OBJECTS[MEDIA, "u1/photo.jpg"][1][:-1]), "is damaged"),
                ("a file", lambda at: (at / MEDIA / "u1/facts").unlink(), "is damaged"),
                ("the manifest", lambda at: (at / "manifest.json").write_text("{}"), "is damaged"),
                ("a line of the sums", lambda at: (at / "SHA256SUMS").write_text("\n".join((at / "SHA256SUMS").read_text().splitlines()[1:])),
                 "do not agree"),
                ("the sums", lambda at: (at / "SHA256SUMS").unlink(), "was not finished")):
            with self.subTest(why):
                broken = self.safe / "broken"
                shutil.copytree(copy, broken)
                harm(broken / "objects")
                self.copy(other, "restore", broken, words)
                shutil.rmtree(broken)
        self.assertEqual(contents(other), {})
        self.copy(other, "restore", copy)
        self.assertEqual(contents(other), before)

    def test_an_object_that_could_not_be_a_file_of_its_name_is_no_object_of_ours(self):
        source, copy = self.store(), self.safe / "copy"
        source.client("media").put_object(Bucket=INCOMING, Key="raw/.hidden", Body=b"x")
        copy.mkdir()
        (copy / "SHA256SUMS").touch()
        self.copy(source, "backup", copy, "cannot be a file of that name")
        self.assertFalse((copy / "objects/SHA256SUMS").exists())


if __name__ == "__main__":
    unittest.main()
