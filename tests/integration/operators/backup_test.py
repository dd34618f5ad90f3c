"""civicctl backup of a city that runs, and restore into an empty one: every digest is as before, pictures are, whoever repeats a
call gets the answer that they got, commands that were not decided yet are, and the city goes on. What is no whole backup, or no empty
city, is refused before anything is written.

Needs the built programs (CIVICMESH_BIN) and what deploy/install installs.
"""
import hashlib
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from town import BIN, ROOT, AskedTown, new_request_id  # pylint: disable=wrong-import-position
import objects  # pylint: disable=wrong-import-position

REPORTS = 6
NOON = "2026-12-02T04:00:00Z"  # after all that the replay does; a Wednesday, worked
DOMAINS = ("intake", "dispatch", "points", "volunteering")
WAITING = ("volunteering", 3)  # the shard with a command that is not decided
PATIENCE = 60  # seconds
PICTURES = {("civicmesh-media", "u1/photo.jpg"): bytes(range(256)) * 1_600, ("civicmesh-media", "u1/thumbnail.jpg"): b"small",
            ("civicmesh-incoming", "raw/u2"): b"raw", ("civicmesh-incoming", "unused/u2"): b""}


class Drilled(AskedTown):
    def __init__(self, *options, keys=None):
        super().__init__("bak-", "--development-tokens", *options, keys=keys)

    def ctl(self, *arguments, code=0):
        done = subprocess.run([BIN / "civicctl", *arguments, f"--kafka={self.city.kafka}"], capture_output=True, text=True,
                              env=self.access(), check=False)
        if done.returncode != code:
            raise AssertionError(f"civicctl {arguments} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    def store(self):
        """By which options civicctl comes to the objects."""
        store = self.where["objects"]
        return f"--objects={store['url']}", f"--objects-login-file={store['logins']['media']}"

    def media(self):
        """A client of the object store."""
        return objects.client(self.where["objects"]["url"], pathlib.Path(self.where["objects"]["logins"]["media"]))

    def pictures(self):
        """The digest of each object that a copy takes."""
        media = self.media()
        return {(bucket, found["Key"]): hashlib.sha256(media.get_object(Bucket=bucket, Key=found["Key"])["Body"].read()).hexdigest()
                for bucket in objects.BUCKETS for found in media.list_objects_v2(Bucket=bucket).get("Contents", [])
                if not found["Key"].startswith("heard/")}

    def digests(self):
        """Of each shard, once all is at rest and verify finds no difference."""
        until = time.monotonic() + PATIENCE
        while True:
            try:
                said = self.ctl("verify", f"--redis=unix:{self.city.redis}", f"--door={self.city.door}", f"--keys={self.city.keys}")
                break
            except AssertionError:
                if time.monotonic() > until:
                    raise
        rows = re.findall(r"^(\w+) +(\d+) .* ([0-9a-f]{16}|-) +(?:equal|never used)$", said, re.M)
        return {(domain, int(shard)): digest for domain, shard, digest in rows}

    def projection(self):
        """What the city says of each report, texts opened."""
        out = self.folder / "projection"
        self.run(BIN / "civicctl", "project", f"--door={self.city.door}", f"--keys={self.city.keys}", f"--out={out}")
        return out.read_text(encoding="utf-8").splitlines()

    def open_case(self, request_id):
        district = json.loads((ROOT / "deploy/sample/district.json").read_text(encoding="utf-8"))
        ring = district["grids"][0]["ring"]
        place = {axis: sum(point[axis] for point in ring) / len(ring) for axis in ("latitude", "longitude")}
        return self.call("POST", "/v1/cases", {"request_id": request_id, "source": "REPORT_SOURCE_COLLECTOR", "class_code": "E0110",
                                               "text": "路边有零散垃圾", "location": place},
                         self.token("collector-01", "COLLECTOR"), civicmesh_time=NOON)

    def ends(self):
        """How far each partition of the domains reaches."""
        topics = [f"civicmesh.{domain}.{what}.v1" for domain in DOMAINS for what in ("commands", "journal", "events", "parked")]
        said = self.run(*self.city.kcat("-Q", *(part for topic in topics for i in range(8) for part in ("-t", f"{topic}:{i}:-1"))))
        return dict(re.findall(r"^(\S+ \[\d+\]) offset (\d+)$", said.decode(), re.M))

    def begins(self, topic):
        said = self.run(*self.city.kcat("-Q", *(part for i in range(8) for part in ("-t", f"{topic}:{i}:-2"))))
        return [int(offset) for offset in re.findall(r" offset (\d+)$", said.decode(), re.M)]


class BackupTest(unittest.TestCase):
    def setUp(self):
        self.maxDiff = None
        self.safe = pathlib.Path(tempfile.mkdtemp(prefix="safe-"))
        self.addCleanup(shutil.rmtree, self.safe)

    def town(self, *options, keys=None):
        town = Drilled(*options, keys=keys)
        self.addCleanup(town.remove)
        return town

    def test_a_restored_city_is_the_one_that_was_backed_up(self):
        town = self.town()
        town.run(BIN / "civicctl", "replay", f"--door={town.city.door}", f"--keys={town.city.keys}", f"--limit={REPORTS}")
        request = new_request_id()
        status, opened = town.open_case(request)
        self.assertEqual(status, 200, opened)
        digests = town.digests()
        self.assertEqual(len(digests), 32)
        told = town.projection()
        for (bucket, key), body in PICTURES.items():
            town.media().put_object(Bucket=bucket, Key=key, Body=body, ContentType="image/jpeg")
        pictures = town.pictures()
        self.assertEqual(set(pictures), set(PICTURES))
        self.assertGreater(len(told), REPORTS)
        domain, shard = WAITING
        town.city.parts.stop(domain)
        subprocess.run(town.city.kcat("-P", "-t", f"civicmesh.{domain}.commands.v1", "-p", str(shard)), input=b"no command", check=True)

        copy = self.safe / "copy"
        said = town.ctl("backup", copy, *town.store())
        self.assertIn("copies what stood there at", said)
        self.assertIn("4 objects", said)
        manifest = json.loads((copy / "manifest.json").read_text())
        self.assertGreater(sum(p["records"] for p in manifest["partitions"] if p["topic"] == "civicmesh.intake.keys.v1"), REPORTS)
        for folder in (copy, copy / "objects"):
            subprocess.run(["sha256sum", "--quiet", "-c", "SHA256SUMS"], cwd=folder, check=True)
        self.refused(town, copy)
        shutil.copytree(town.folder / "keys", self.safe / "keys")
        town.remove()

        restored = self.town(f"--restore={copy}", keys=self.safe / "keys")
        until = time.monotonic() + PATIENCE
        while not re.search(rf"(?m)^{shard}/\d+ ", said := restored.ctl("parked", "list", f"--domain={domain}")):
            self.assertLess(time.monotonic(), until, said)
        self.assertEqual(restored.digests(), digests)
        self.assertEqual(restored.projection(), told)
        self.assertEqual(restored.pictures(), pictures)
        self.assertGreater(max(restored.begins("civicmesh.dispatch.commands.v1")), 0)
        # Policies go on where they were, but for the few facts whose group had not been told yet.
        again = self.safe / "again"
        restored.ctl("backup", again)
        after = json.loads((again / "manifest.json").read_text())
        commands = lambda of: sum(p["end"] for p in of["partitions"] if ".commands." in p["topic"])
        self.assertLess(commands(after) - commands(manifest), commands(manifest) / 10)
        came_to = lambda of: {(g["group"], g["topic"], g["partition"]): g["offset"] for g in of["groups"]}
        self.assertGreater(len(manifest["groups"]), 8)
        self.assertEqual({of: offset for of, offset in came_to(manifest).items() if came_to(after).get(of, 0) < offset}, {})

        self.assertEqual(restored.open_case(request), (200, opened))
        status, other = restored.open_case(new_request_id())
        self.assertEqual(status, 200, other)
        self.assertNotEqual(other["name"], opened["name"])
        restored.digests()

    def refused(self, town, copy):
        before = town.ends()
        broken = self.safe / "broken"
        shutil.copytree(copy, broken, ignore=shutil.ignore_patterns("objects"))
        largest = max((file for file in broken.rglob("*") if file.is_file()), key=lambda file: file.stat().st_size)
        largest.write_bytes(largest.read_bytes()[:-1])
        store = town.store()
        for folder, more, words in ((copy, store, "is not empty"), (copy, [*store, "--shards=4"], "with 8 shards"),
                                    (copy, [], "has photos and recordings"), (broken, [], "is damaged")):
            self.assertIn(words, town.ctl("restore", folder, *more, code=1))
        (broken / "SHA256SUMS").unlink()
        self.assertIn("was not finished", town.ctl("restore", broken, code=1))
        self.assertIn("is not empty", town.ctl("backup", copy, code=1))
        self.assertEqual(town.ends(), before)

    def test_a_backup_is_not_restored_with_other_secrets(self):
        copy = self.safe / "copy"
        copy.mkdir()
        (copy / "manifest.json").write_text('{"shards": 8}', encoding="ascii")
        folder = self.safe / "c"
        up = subprocess.run([ROOT / "deploy/up", f"--bin={BIN}", f"--data={folder}", "--port=0", f"--restore={copy}"], capture_output=True,
                            text=True, check=False)
        self.assertEqual(up.returncode, 1)
        self.assertIn("put the keys/ of the city that was backed up into", up.stderr)


if __name__ == "__main__":
    unittest.main()
