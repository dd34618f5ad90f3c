"""The vault in a real city: what people write stands nowhere in clear; who is behind a report is shown after two people have
agreed, and leaves a record that cannot be changed unseen; after an erasure neither the text nor its key is left anywhere.

Looks into every file of the city, the broker's own included, and into all that Redis holds. Needs the built programs
(CIVICMESH_BIN) and what deploy/install installs.
"""
import json
import os
import pathlib
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from town import BIN, AskedTown, new_request_id  # pylint: disable=wrong-import-position
import broker  # pylint: disable=wrong-import-position,wrong-import-order

NOON = "2026-09-02T04:00:00Z"
PLACE = {"latitude": 30.3, "longitude": 119.97}
PATIENCE = 300  # seconds; only for a test that fails
KEYS = "civicmesh.intake.keys.v1"
PHONE, NAME = "13911112222", "欧阳无痕"
TEXT = f"井盖松动，踩上去会翻，回电{PHONE}"
MASKED = "井盖松动，踩上去会翻，回电【手机号】"


class VaultCity(AskedTown):
    def do(self, path, subject="", **body):
        """The answer to a command of somebody's."""
        token = self.token(subject) if subject else None
        status, answer = self.call("POST", path, {"request_id": new_request_id(), **body}, token=token, civicmesh_time=NOON)
        if status != 200:
            raise AssertionError(f"{path}: {status} {answer}")
        return answer

    def submit(self, subject="", **more):
        return self.do("/v1/reports", subject, text=TEXT, location=PLACE, anonymous=not subject,
                       contact={"name": NAME, "phone": PHONE}, **more)

    def get(self, report, subject=""):
        body = {"tracking_code": report["tracking_code"]}
        return self.call("POST", f"/v1/{report['name']}:track", body, token=self.token(subject) if subject else None)[1]

    def ctl(self, *args, code=0):
        done = subprocess.run([BIN / "civicctl", *args, f"--kafka={self.where['kafka']}"], capture_output=True, text=True, check=False,
                              env={**os.environ, **self.where["logins"]})
        if done.returncode != code:
            raise AssertionError(f"civicctl {args} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout if code == 0 else done.stdout + done.stderr

    def keys_of(self, owner):
        """The wrapped keys that the topic holds for somebody, by record key."""
        dumped = subprocess.run(self.city.kcat("-C", "-t", KEYS, "-o", "beginning", "-e", "-q", "-f", "%k\t%S\t%s\n"),
                                capture_output=True, check=True).stdout
        found, rest = {}, dumped
        while rest:  # values are bytes of any kind, so their sizes say where they end
            key, size, rest = rest.split(b"\t", 2)
            size = max(0, int(size))  # -1: a tombstone
            found[key.decode()], rest = rest[:size], rest[size + 1:]
        return {key: value for key, value in found.items() if key.startswith(f"k/{owner}/") and value}

    def everything(self):
        """(where, bytes) of every file of the city but those of the programs' own secrets, and of all that Redis holds."""
        for path in sorted(self.folder.rglob("*")):
            if path.is_file() and path.parent.name != "keys":
                try:
                    yield str(path), path.read_bytes()
                except FileNotFoundError:  # the broker has just deleted it
                    continue
        self.city.redis_cli("config", "set", "rdbcompression", "no")
        dump = self.folder.parent / f"{self.folder.name}.rdb"
        self.city.redis_cli("--rdb", str(dump))
        yield "redis", dump.read_bytes()
        dump.unlink()

    def places_of(self, *secrets):
        """Where any of them stands."""
        return [where for where, content in self.everything() if any(secret in content for secret in secrets)]

    def segments_with(self, secret):
        """The segments of the topic of keys in which it stands; a look at everything takes seconds."""
        found = []
        for path in self.folder.rglob(f"{KEYS}-*/*.log*"):
            try:
                found += [path] if secret in path.read_bytes() else []
            except FileNotFoundError:  # the broker has just deleted it
                continue
        return found

    def change_topic(self, settings):
        login = self.folder.parent / f"{self.folder.name}.properties"
        login.write_text("security.protocol=SASL_PLAINTEXT\nsasl.mechanism=PLAIN\nsasl.jaas.config=org.apache.kafka.common.security.plain."
                         f'PlainLoginModule required username="operator" password="{self.city.guard.kafka_passwords["operator"]}";\n')
        subprocess.run(["/usr/bin/java", "-cp", f"{broker.JARS}/*", "kafka.admin.ConfigCommand", "--bootstrap-server", self.where["kafka"],
                        "--command-config", str(login), "--alter", "--topic", KEYS, "--add-config", settings], check=True, stdout=subprocess.DEVNULL)
        login.unlink()

    def beat(self):
        """What intake appends once an hour, so that segments are closed."""
        for partition in range(self.where["shards"]):
            subprocess.run(self.city.kcat("-P", "-t", KEYS, "-p", str(partition), "-K", "="), input=b"beat=1", check=True,
                           capture_output=True)


def setUpModule():  # pylint: disable=invalid-name
    global CITY
    CITY = VaultCity("vlt-", "--services=intake")
    unittest.addModuleCleanup(CITY.remove)


class Vault(unittest.TestCase):
    def test_after_an_erasure_nothing_is_left(self):
        mine, other = CITY.submit("citizen-erased"), CITY.submit("citizen-kept")
        copy = CITY.do("/v1/personalData:copy", "citizen-erased")
        owner = copy["person_token"]
        self.assertEqual((copy["reports"][0]["report"]["text"], copy["reports"][0]["contact"]["name"]), (TEXT, NAME))
        kept = CITY.do("/v1/personalData:copy", "citizen-kept")["person_token"]
        # What a search finds, and what it must never find.
        shown = CITY.places_of(MASKED.encode())
        self.assertTrue(any("journal" in where for where in shown))
        self.assertIn("redis", shown)
        secrets = [secret.encode() for secret in (PHONE, NAME, TEXT, "citizen-erased", "citizen-kept")]
        self.assertEqual(CITY.places_of(*secrets), [])
        (key, wrapped), = CITY.keys_of(owner).items()
        self.assertTrue(any(KEYS in where for where in CITY.places_of(wrapped)))

        erasure = CITY.do("/v1/personalData:erase", "citizen-erased", understood=True)
        self.assertEqual(erasure["keys_destroyed"], 1)
        self.assertEqual(CITY.keys_of(owner), {})
        self.assertEqual(len(CITY.keys_of(kept)), 1)
        self.assertEqual((CITY.get(mine, "citizen-erased")["text"], CITY.get(mine, "citizen-erased")["erased"]), (MASKED, True))
        self.assertEqual(CITY.get(other, "citizen-kept")["text"], TEXT)

        # As if the hours had passed after which the broker cleans up.
        CITY.change_topic("max.compaction.lag.ms=500,file.delete.delay.ms=100")
        until = time.monotonic() + PATIENCE
        while CITY.segments_with(wrapped) and time.monotonic() < until:
            CITY.beat()
        self.assertEqual(CITY.places_of(wrapped, *secrets), [])
        # Its name is left: the erasure says for ever that it is dead.
        self.assertTrue(CITY.places_of(key.rpartition("/")[2].encode()))

        CITY.city.redis_cli("flushall")
        CITY.city.parts.stop("intake")
        CITY.change_topic("max.compaction.lag.ms=3600000")  # intake looks before it starts
        CITY.revive()
        self.assertEqual((CITY.get(mine, "citizen-erased")["text"], CITY.get(mine, "citizen-erased")["erased"]), (MASKED, True))
        self.assertEqual(CITY.get(other, "citizen-kept")["text"], TEXT)

    def test_intake_refuses_a_topic_that_would_keep_what_was_erased(self):
        CITY.city.parts.stop("intake")
        CITY.change_topic("cleanup.policy=delete")
        try:
            with self.assertRaises(AssertionError):
                CITY.revive()
            self.assertIn(f"{KEYS}: cleanup.policy is delete, must be compact", (CITY.folder / "log/intake.log").read_text())
        finally:
            CITY.city.start_stores()  # what did not come up whole was taken down again
            CITY.change_topic("cleanup.policy=compact")
            CITY.revive()

    def test_a_reveal_needs_two_and_leaves_a_record(self):
        report = CITY.submit("citizen-revealed")
        reveal = CITY.do(f"/v1/{report['name']}:requestReveal", "registrar-01", purpose="REVEAL_PURPOSE_CALL_BACK",
                         reason="地点不明，需要回访")
        status, answer = CITY.call("POST", f"/v1/{reveal['name']}:read", {"request_id": new_request_id()},
                                   token=CITY.token("registrar-01"), civicmesh_time=NOON)
        self.assertEqual((status, answer["details"][0]["reason"]), (400, "REASON_REVEAL_NOT_GRANTED"))
        status, _ = CITY.call("POST", f"/v1/{reveal['name']}:decide", {"request_id": new_request_id(), "grant": True},
                              token=CITY.token("registrar-02"), civicmesh_time=NOON)
        self.assertEqual(status, 403)
        CITY.do(f"/v1/{reveal['name']}:decide", "security-01", grant=True)
        shown = CITY.do(f"/v1/{reveal['name']}:read", "registrar-01")
        self.assertEqual((shown["text"], shown["contact"]["phone"]), (TEXT, PHONE))

        export = CITY.folder / "audit.jsonl"
        printed = CITY.ctl("audit", f"--out={export}")
        self.assertRegex(printed, "(?s)registrar-01.*REVEAL_REQUESTED.*security-01.*REVEAL_GRANTED.*registrar-01.*REPORTER_READ")
        self.assertIn("the chains hold", printed)
        entries = [json.loads(line) for line in export.read_text().splitlines()]
        self.assertEqual([one["action"] for one in entries if one["object"] == report["name"]],
                         ["AUDIT_ACTION_REVEAL_REQUESTED", "AUDIT_ACTION_REVEAL_GRANTED", "AUDIT_ACTION_REPORTER_READ"])
        self.assertIn(f"{len(entries)} entries of", CITY.ctl("audit", f"--compare={export}"))
        export.write_text(export.read_text().replace(entries[0]["sha256"], "0" * 64))
        self.assertIn("is another one now", CITY.ctl("audit", f"--compare={export}", code=1))
        status, page = CITY.call("GET", "/v1/auditEntries", token=CITY.token("auditor-01"))
        self.assertEqual((status, len(page["audit_entries"])), (200, min(len(entries), 50)))

    def test_a_report_against_staff_is_for_the_discipline_channel(self):
        said = "三队队长向摊贩收钱"
        report = CITY.do("/v1/sealedReports", "registrar-02", text=said, about="三队")
        self.assertEqual(CITY.places_of(said.encode()), [])
        for subject in ("registrar-01", "shift-leader-01", "security-01", "auditor-01", "civicctl"):
            status, _ = CITY.call("POST", f"/v1/{report['name']}:read", {"request_id": new_request_id()}, token=CITY.token(subject))
            self.assertEqual(status, 403, subject)
        self.assertEqual(CITY.do(f"/v1/{report['name']}:read", "discipline-01")["text"], said)
        CITY.do(f"/v1/{report['name']}:answer", "discipline-01", status="SEALED_REPORT_STATUS_ENDED", answer="已处理")
        self.assertEqual(CITY.get(report)["answer"], "已处理")
        self.assertNotIn("registrar-02", CITY.ctl("journal", "--domain=intake", f"--stream={report['name'].split('/')[1]}"))


if __name__ == "__main__":
    unittest.main()
