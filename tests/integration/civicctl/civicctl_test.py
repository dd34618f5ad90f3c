"""civicctl against a city as deploy/up makes it: topics, reference data, journals and events, parked records, and that
verify finds what is wrong and only that.

Needs the built programs (CIVICMESH_BIN) and what deploy/install installs.
"""
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from town import BIN, ROOT, Town, new_request_id  # pylint: disable=wrong-import-position

SAMPLE = ROOT / "deploy/sample"
SERVICES = "dispatch,points,analytics"
NOON = "2026-09-02T04:00:00Z"  # a Wednesday, worked, in Asia/Shanghai
SHARD = 3


class City(Town):
    def __init__(self):
        super().__init__("ctl-", f"--services={SERVICES}")
        self.where = json.loads((self.folder / "city.json").read_text())

    def ctl(self, *args, code=0):
        """What civicctl prints; on standard error where another exit code than 0 is expected."""
        env = {**self.access(), "CIVICMESH_KAFKA": self.where["kafka"], "CIVICMESH_REDIS": "unix:" + self.where["redis"]}
        done = subprocess.run([BIN / "civicctl", *args], capture_output=True, text=True, env=env, check=False)
        if done.returncode != code:
            raise AssertionError(f"civicctl {args} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout if code == 0 else done.stdout + done.stderr

    def load(self, *more, code=0):
        return self.ctl("load", f"--door={self.where['door']}", f"--keys={self.where['keys']}", f"--sample={SAMPLE}", *more,
                        code=code)

    def post(self, path, role, body):
        token = self.ctl("token", f"--keys={self.where['keys']}", f"--subject={role.lower()}-01").strip()
        request = urllib.request.Request(
            self.where["door"] + path, data=json.dumps({"request_id": new_request_id(), **body}).encode(), method="POST",
            headers={"authorization": f"Bearer {token}", "civicmesh-time": NOON})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def status(self, path, subject):
        token = self.ctl("token", f"--keys={self.where['keys']}", f"--subject={subject}").strip()
        request = urllib.request.Request(self.where["door"] + path, headers={"authorization": f"Bearer {token}"})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            with error:
                return error.code

    def poison(self, value):
        """Bytes that are no command, in one shard's inbox."""
        subprocess.run(self.city.kcat("-P", "-t", "civicmesh.dispatch.commands.v1", "-p", str(SHARD)),
                       input=value, text=True, check=True)


def setUpModule():  # pylint: disable=invalid-name
    global CITY
    CITY = City()
    unittest.addModuleCleanup(CITY.remove)


class CtlTest(unittest.TestCase):
    def eventually(self, look):
        """What `look` answers once that is anything; a shard takes a moment to decide what others put into its inbox."""
        until, found = time.monotonic() + 30, None
        while not found and time.monotonic() < until:
            found = look()
        self.assertTrue(found, "it does not come")
        return found

    def assert_equal_everywhere(self):
        """Once the mesh is at rest."""
        def at_rest():
            try:
                return CITY.ctl("verify")
            except AssertionError as error:
                return "not in Redis yet" not in str(error) and "moves while" not in str(error)
        self.eventually(at_rest)
        self.assertIn("equal: 32 shards", CITY.ctl("verify"))


class Topics(CtlTest):
    def test_what_deploy_up_made_passes_and_another_number_of_shards_does_not(self):
        self.assertIn("19 topics are as they must be", CITY.ctl("topics", "check"))
        self.assertIn("civicmesh.points.journal.v1 has 8 partitions, must have 9", CITY.ctl("topics", "check", "--shards=9", code=1))
        self.assertIn("civicmesh.reference.journal.v1", CITY.ctl("topics", "create"))

    def test_nobody_answers(self):
        self.assertIn("127.0.0.1:1 does not answer", CITY.ctl("topics", "check", "--kafka=127.0.0.1:1", code=1))


class Load(CtlTest):
    def test_what_holds_is_not_activated_again(self):
        said = CITY.load()
        self.assertIn("0 contents published, 6 there already", said)
        rows = [line for line in said.splitlines() if line.endswith("held already")]
        self.assertEqual(len(rows), 5, said)
        self.assertTrue(all(" 8/8 " in row for row in rows), said)
        self.assertIn("intake is not behind this door", said)

    def test_a_published_standard_becomes_the_version_that_holds(self):
        with tempfile.TemporaryDirectory() as folder:
            table = pathlib.Path(folder) / "table.csv"
            table.write_text(
                "kind,major_code,major_name,minor_code,minor_name,registration_condition,disposal_limit,closure_condition,"
                "disposal_unit,responsible_department\n"
                "event,01,市容环境,10,暴露垃圾,散落,4小时,清理,环卫处,城管局\n"
                "event,01,市容环境,11,积存渣土,成堆,三天,清理,环卫处,城管局\n", encoding="utf-8")
            said = CITY.load(f"--standard={table}")
            self.assertIn('line 3: E0111 积存渣土, "成堆": limit "三天" cannot be read', said)
            self.assertRegex(said, r"dispatch +standard +table-[0-9a-f]{8} .* 8/8 .*activated")
            self.assertRegex(CITY.load(f"--standard={table}"), r"dispatch +standard +table-[0-9a-f]{8} .* 8/8 .*held already")
        self.assertRegex(CITY.load(), r"dispatch +standard +2026-1 .*8/8 .*activated")

    def test_what_a_domain_refuses_is_never_published(self):
        with tempfile.TemporaryDirectory() as folder:
            sample = pathlib.Path(folder) / "sample"
            shutil.copytree(SAMPLE, sample)
            standard = json.loads((sample / "standard.json").read_text(encoding="utf-8"))
            standard["classes"][0]["conditions"][0]["limit"] = "soon"
            (sample / "standard.json").write_text(json.dumps(standard), encoding="utf-8")
            said = CITY.ctl("load", f"--door={CITY.where['door']}", f"--keys={CITY.where['keys']}", f"--sample={sample}", code=1)
        self.assertIn("dispatch refuses it", said)
        self.assertIn("soon", said)

    def test_who_may_changes_with_the_roster_and_with_revocations(self):
        roster = json.loads((SAMPLE / "roster.json").read_text(encoding="utf-8"))
        left = {"version": "without", "members": [one for one in roster["members"] if one["subject"] != "dispatcher-01"]}
        revoked = {"version": "lost", "revocations": [{"subject": "dispatcher-01", "reason_zh": "手机遗失"}]}
        self.becomes(200)
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "file.json"
            for command, content, meanwhile, after, answer in (
                    ("roster", left, 403, roster, 200), ("revocations", revoked, 401, {"version": "none"}, 200)):
                for one, status in ((content, meanwhile), (after, answer), (content, meanwhile), (after, answer)):
                    file.write_text(json.dumps(one), encoding="utf-8")
                    self.assertIn(": published, and holds", CITY.ctl(command, str(file)))
                    self.becomes(status)
                self.assertIn(": holds already", CITY.ctl(command, str(file)))
            twice = {**roster, "members": roster["members"] + [{"subject": "dispatcher-01", "posts": []}]}
            file.write_text(json.dumps(twice), encoding="utf-8")
            self.assertIn("dispatcher-01: stands there twice", CITY.ctl("roster", str(file), code=1))

    def becomes(self, status):
        """What a dispatcher is answered, soon: a service reads what is published some milliseconds later."""
        until = time.monotonic() + 20
        while (found := CITY.status("/v1/cases", "dispatcher-01")) != status:
            self.assertLess(time.monotonic(), until, f"{found}, not {status}")

    def test_another_key_is_refused_in_words(self):
        with tempfile.TemporaryDirectory() as folder:
            CITY.ctl("keys", f"--out={folder}")
            said = CITY.ctl("load", f"--door={CITY.where['door']}", f"--keys={folder}", f"--sample={SAMPLE}", code=1)
        self.assertIn("does not take the token", said)


class ACaseAndAPoisonedCommand(CtlTest):
    def test_what_happened_is_told_and_verified(self):
        district = json.loads((SAMPLE / "district.json").read_text(encoding="utf-8"))
        ring = district["grids"][0]["ring"]
        place = {axis: sum(point[axis] for point in ring) / len(ring) for axis in ("latitude", "longitude")}
        case = CITY.post("/v1/cases", "COLLECTOR", {"source": "REPORT_SOURCE_COLLECTOR", "class_code": "E0110",
                                                    "text": "路边有零散垃圾", "location": place})
        stream = case["name"].split("/")[-1]
        told = CITY.ctl("journal", "--domain=dispatch", f"--stream={stream}")
        self.assertRegex(told, r"\d+  2026-09-02 12:00:00  effective  COMMAND  epoch \d+/\d+  DispatchService/OpenCase  by collector-01")
        self.assertIn(f'{stream} v1 {{"case_opened":', told)
        self.assertIn("路边有零散垃圾", told)
        self.assertRegex(told, r"decided by .*standard ")
        facts = self.eventually(lambda: re.findall(r"(dispatch/\d+/\d+/0)  2026-09-02 12:00:00  CaseOpened",
                                                   CITY.ctl("events", "--domain=dispatch", "--type=CaseOpened")))
        self.assertEqual(len(facts), 1)
        self.assert_equal_everywhere()
        self.eventually(self.analytics_has_it)

        CITY.poison("no command")
        row = self.eventually(lambda: re.search(rf"^({SHARD}/\d+) .*",
                                                CITY.ctl("parked", "list", "--domain=dispatch"), re.M))
        self.assertIn("10", row[0])
        shown = CITY.ctl("parked", "show", "--domain=dispatch", row[1])
        self.assertIn("parked: ", shown)
        self.assertIn(b"no command".hex(), shown)
        self.assertIn(row[1], CITY.ctl("parked", "list", "--all", "--domain=dispatch"))
        self.assertRegex(CITY.ctl("parked", "replay", "--domain=dispatch", row[1]),
                         rf"{row[1]} stands in the inbox of dispatch/{SHARD} at \d+")
        # These bytes are as unreadable as before.
        self.eventually(lambda: len(re.findall(rf"^{SHARD}/\d+", CITY.ctl("parked", "list", "--domain=dispatch"), re.M)) == 2)
        self.assertIn("nothing parked at", CITY.ctl("parked", "show", "--domain=dispatch", f"{SHARD}/0", code=1))
        self.assertIn("no parked record is called", CITY.ctl("parked", "replay", "--domain=dispatch", "x/y", code=1))
        self.assert_equal_everywhere()

    def analytics_has_it(self):
        """Its fold takes a moment: until then verify says which figures differ."""
        asks = ("verify", f"--door={CITY.where['door']}", f"--keys={CITY.where['keys']}")
        try:
            told = CITY.ctl(*asks)
        except AssertionError as error:
            self.assertIn("analytics: kpis/", str(error))
            return False
        compared = re.search(r"analytics: (\d+) of (\d+) answers", told)
        return compared[1] == compared[2] != "0"

    def test_damage_in_redis_is_found(self):
        self.assert_equal_everywhere()
        key = "civicmesh:points:v1:{5}:rows"
        CITY.city.redis_cli("zadd", key, "0", "damage")
        said = CITY.ctl("verify", "--domain=points", code=1)
        self.assertIn("points/5: row damage: in Redis, does not follow from the journal", said)
        self.assertIn("1 of 8 shards differ", said)
        CITY.city.redis_cli("zrem", key, "damage")
        self.assertIn("equal: 8 shards", CITY.ctl("verify", "--domain=points"))


if __name__ == "__main__":
    unittest.main()
