"""A replay during which everything fails once: each service is killed, Redis wiped, the broker stopped and frozen.

Afterwards the city says of every report, by its source id, what it says after an undisturbed replay (civicctl project); no
acknowledged command is missing or stands twice; and Redis, the events and the figures follow from the journals (civicctl
verify). What strikes when is told by the number of commands acknowledged so far, so it is the same on any machine.

Needs the built programs (CIVICMESH_BIN) and what deploy/install installs.
"""
import collections
import difflib
import os
import pathlib
import re
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from town import BIN, ROOT, Town  # pylint: disable=wrong-import-position

REPORTS = int(os.environ.get("CIVICMESH_FAULTS_REPORTS", "120"))
DECIDING = ("intake", "dispatch", "points", "volunteering")
BROKER_AWAY = 4  # seconds
CONTROL = "/civicmesh.runtime.v1.ControlService/"
# What must have come about for the comparison to say anything.
WHOLE_LOOP = ("reports merged", "returned", "inspections failed", "closed", "services confirmed", "redemptions completed",
              "redemptions voided")


class Struck(Town):
    """A city that something happens to during its replay."""

    def __init__(self):
        super().__init__("flt-")
        self.at_door = [f"--door={self.city.door}", f"--keys={self.city.keys}"]
        self.acknowledged = self.folder / "acknowledged"
        self.acknowledged.touch()

    def ctl(self, *arguments):
        return self.run(BIN / "civicctl", *map(str, arguments)).decode()

    def count(self):
        return self.acknowledged.read_bytes().count(b"\n")

    def methods(self):
        """The method of each acknowledged command, in the order of the answers."""
        return [line.partition("\t")[0].rpartition("/")[2] for line in self.acknowledged.read_text(encoding="ascii").splitlines()]

    def replay(self, strikes=()):
        """`strikes`: (after so many acknowledged commands, name, what to do). Returns what the replay printed."""
        struck = 0
        with open(self.folder / "replay.log", "w+", encoding="utf-8") as log:
            with subprocess.Popen([BIN / "civicctl", "replay", *self.at_door, f"--limit={REPORTS}",
                                   f"--acknowledged={self.acknowledged}"], stdout=log, stderr=log, cwd=ROOT) as process:
                try:
                    for after, name, strike in strikes:
                        while self.count() < after and process.poll() is None:
                            time.sleep(0.01)
                        began, count = time.monotonic(), self.count()
                        strike()
                        struck += process.poll() is None
                        print(f"  {count:6}  {name:<24} {time.monotonic() - began:5.1f} s", flush=True)
                    code = process.wait()
                finally:
                    process.kill()
            log.seek(0)
            said = log.read()
        if code or struck < len(strikes):
            raise AssertionError(f"the replay ended with {code} after {struck} of {len(strikes)} strikes:\n{said[-4000:]}")
        return said

    # What strikes.

    def kill(self, name):
        """And what an operator does then: deploy/up starts what does not run."""
        os.kill(self.city.parts.pid(name), signal.SIGKILL)
        while self.city.parts.pid(name):
            time.sleep(0.01)
        self.city.start_services([name])

    def wipe(self):
        self.city.redis_cli("flushall")

    def stop_broker(self):
        self.city.parts.stop("kafka", patience=60)
        time.sleep(BROKER_AWAY)
        self.city.start_stores()

    def freeze_broker(self):
        pid = self.city.parts.pid("kafka")
        os.kill(pid, signal.SIGSTOP)
        time.sleep(BROKER_AWAY)
        os.kill(pid, signal.SIGCONT)

    # What is compared.

    def projection(self):
        out = self.folder / "projection"
        self.ctl("project", *self.at_door, f"--sample={ROOT / 'deploy/sample'}", f"--out={out}")
        return out.read_text(encoding="utf-8").splitlines()

    def recorded(self):
        """How many effective records, neither refused nor parked, each trace has; how many each (domain, kind)."""
        traces, kinds = collections.Counter(), collections.Counter()
        for domain in DECIDING:
            said = self.ctl("journal", f"--kafka={self.city.kafka}", f"--domain={domain}", "--from=0")
            for record in re.split(r"\n(?=\S)", said):
                head, _, details = record.partition("\n")
                kind = re.search(r"  effective  (\w+)  ", head)
                if not kind:
                    continue
                kinds[domain, kind[1]] += 1
                # A policy's commands carry on the trace of the fact that they came of.
                if kind[1] == "COMMAND" and not re.search(r"^ {6}(refused|parked): ", details, re.MULTILINE):
                    traces.update(re.findall(r"^ {6}trace (\S+)", details, re.MULTILINE))
        return traces, kinds


class FaultsTest(unittest.TestCase):
    def setUp(self):
        self.maxDiff = None

    def town(self):
        town = Struck()
        self.addCleanup(town.remove)
        return town

    def check_log(self, town):
        """Returns how many records there are of each (domain, kind)."""
        found, kinds = town.recorded()
        traces = [line.split("\t") for line in town.acknowledged.read_text(encoding="ascii").splitlines()]
        commands = [(method, trace) for method, trace in traces if not method.startswith(CONTROL)]
        self.assertGreater(len(commands), REPORTS)
        wrong = [f"{method} {trace}: {found[trace]} records" for method, trace in commands if found[trace] != 1]
        self.assertEqual(wrong, [])
        town.ctl("verify", f"--kafka={town.city.kafka}", f"--redis=unix:{town.city.redis}", *town.at_door)
        return kinds

    def test_after_faults_the_city_is_as_if_there_had_been_none(self):
        calm = self.town()
        said = calm.replay()
        self.assertEqual([what for what in WHOLE_LOOP if f"  {what}" not in said], [])
        expected, methods, before = calm.projection(), calm.methods(), self.check_log(calm)
        calm.remove()
        print(f"undisturbed: {len(methods)} acknowledged; {len(expected)} lines compared", flush=True)

        def amid(method):
            """After so many commands a third of this method's are through."""
            at = [number for number, name in enumerate(methods) if name == method]
            return at[len(at) // 3]

        town = self.town()
        early = [("kill -9 intake", lambda: town.kill("intake")), ("kill -9 dispatch", lambda: town.kill("dispatch")),
                 ("FLUSHALL", town.wipe), ("broker stopped", town.stop_broker),
                 ("kill -9 analytics", lambda: town.kill("analytics")), ("broker frozen", town.freeze_broker),
                 ("FLUSHALL", town.wipe)]
        strikes = [(len(methods) * (i + 1) // 10, *strike) for i, strike in enumerate(early)]
        strikes += [(amid("ConfirmService"), "kill -9 volunteering", lambda: town.kill("volunteering")),
                    (amid("RedeemItem"), "kill -9 points", lambda: town.kill("points"))]
        said = town.replay(strikes)
        print("  " + next(line for line in said.splitlines() if "calls repeated" in line), flush=True)
        self.assertEqual(list(difflib.unified_diff(expected, town.projection(), "undisturbed", "disturbed", lineterm="", n=0)), [])
        after = self.check_log(town)
        # It did strike: owners took over anew, and refilled what was wiped behind a checkpoint.
        self.assertEqual([domain for domain in DECIDING if after[domain, "BARRIER"] <= before[domain, "BARRIER"]], [])
        self.assertEqual([domain for domain in DECIDING if after[domain, "CHECKPOINT"] <= before[domain, "CHECKPOINT"]], [])


if __name__ == "__main__":
    unittest.main()
