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
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[3]
BIN = pathlib.Path(os.environ["CIVICMESH_BIN"])
sys.path.insert(0, str(ROOT / "deploy/city"))
import city as cities  # pylint: disable=wrong-import-position

REPORTS = int(os.environ.get("CIVICMESH_FAULTS_REPORTS", "120"))
DECIDING = ("intake", "dispatch", "points", "volunteering")
BROKER_AWAY = 4  # seconds
CONTROL = "/civicmesh.runtime.v1.ControlService/"


class Town:
    """A city without reports, as deploy/up makes it."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="flt-"))
        done = subprocess.run([ROOT / "deploy/up", f"--bin={BIN}", f"--data={self.folder}", "--port=0", "--no-replay"],
                              capture_output=True, text=True, check=False)
        self.city = cities.City(self.folder, BIN)
        if done.returncode:
            self.remove()
            raise AssertionError(done.stdout + done.stderr)
        self.at_door = [f"--door={self.city.door}", f"--keys={self.city.keys}"]
        self.acknowledged = self.folder / "acknowledged"
        self.acknowledged.touch()

    def remove(self):
        if not self.folder.exists():
            return
        subprocess.run([ROOT / "deploy/down", f"--data={self.folder}", "--purge"], stdout=subprocess.DEVNULL, check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def ctl(self, *arguments):
        done = subprocess.run([BIN / "civicctl", *map(str, arguments)], capture_output=True, text=True, check=False)
        if done.returncode:
            raise AssertionError(f"civicctl {arguments[0]} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout

    def count(self):
        return self.acknowledged.read_bytes().count(b"\n")

    def replay(self, strikes=()):
        """`strikes`: (after so many acknowledged commands, name, what to do). Returns what the replay printed."""
        with open(self.folder / "replay.log", "w+", encoding="utf-8") as log:
            with subprocess.Popen([BIN / "civicctl", "replay", *self.at_door, f"--limit={REPORTS}",
                                   f"--acknowledged={self.acknowledged}"], stdout=log, stderr=log, cwd=ROOT) as process:
                try:
                    for after, name, strike in strikes:
                        while self.count() < after and process.poll() is None:
                            time.sleep(0.01)
                        if process.poll() is not None:
                            break
                        began = time.monotonic()
                        strike()
                        print(f"  {self.count():6}  {name:<24} {time.monotonic() - began:5.1f} s", flush=True)
                    else:
                        strikes = ()
                    code = process.wait()
                finally:
                    process.kill()
            log.seek(0)
            said = log.read()
        if code or strikes:
            raise AssertionError(f"the replay ended with {code}, {len(strikes)} strikes planned:\n{said[-4000:]}")
        return said

    # What strikes.

    def kill(self, name):
        """And what an operator does then: deploy/up starts what does not run."""
        os.kill(self.city.parts.pid(name), signal.SIGKILL)
        while self.city.parts.pid(name):
            time.sleep(0.01)
        self.city.start_services([name])

    def wipe(self):
        subprocess.run(["redis-cli", "-s", str(self.city.redis), "flushall"], check=True, stdout=subprocess.DEVNULL)

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
        """How many effective records, neither refused nor parked, each trace has."""
        found = collections.Counter()
        for domain in DECIDING:
            said = self.ctl("journal", f"--kafka={self.city.kafka}", f"--domain={domain}", "--from=0")
            trace, effective = None, False
            for line in [*said.splitlines(), "end"]:
                words = line.split()
                if not line.startswith("      ") or line == "end":
                    if trace and effective:
                        found[trace] += 1
                    trace, effective = None, "effective" in words[:4]
                elif words[0] == "trace":
                    trace = words[1]
                elif words[0] in ("refused:", "parked:"):
                    effective = False
        return found


class FaultsTest(unittest.TestCase):
    def setUp(self):
        self.maxDiff = None

    def town(self):
        town = Town()
        self.addCleanup(town.remove)
        return town

    def check_log(self, town):
        found = town.recorded()
        traces = [line.split("\t") for line in town.acknowledged.read_text(encoding="ascii").splitlines()]
        commands = [(method, trace) for method, trace in traces if not method.startswith(CONTROL)]
        self.assertGreater(len(commands), REPORTS)
        wrong = [f"{method} {trace}: {found[trace]} records" for method, trace in commands if found[trace] != 1]
        self.assertEqual(wrong, [])
        town.ctl("verify", f"--kafka={town.city.kafka}", f"--redis=unix:{town.city.redis}", *town.at_door)
        return len(commands)

    def test_after_faults_the_city_is_as_if_there_had_been_none(self):
        calm = self.town()
        calm.replay()
        expected, total = calm.projection(), calm.count()
        commands = self.check_log(calm)
        calm.remove()
        print(f"undisturbed: {total} acknowledged, {commands} of them commands; {len(expected)} lines compared", flush=True)

        town = self.town()
        strikes = [("kill -9 intake", lambda: town.kill("intake")), ("kill -9 dispatch", lambda: town.kill("dispatch")),
                   ("FLUSHALL", town.wipe), ("kill -9 points", lambda: town.kill("points")),
                   ("broker stopped", town.stop_broker), ("kill -9 volunteering", lambda: town.kill("volunteering")),
                   ("kill -9 analytics", lambda: town.kill("analytics")), ("broker frozen", town.freeze_broker),
                   ("FLUSHALL", town.wipe)]
        said = town.replay([(total * (i + 1) // (len(strikes) + 2), name, strike) for i, (name, strike) in enumerate(strikes)])
        print("  " + next(line for line in said.splitlines() if "calls repeated" in line), flush=True)
        self.assertEqual(list(difflib.unified_diff(expected, town.projection(), "undisturbed", "disturbed", lineterm="", n=0)), [])
        self.check_log(town)


if __name__ == "__main__":
    unittest.main()
