"""deploy/up goes on where it was: a replay is interrupted once and killed twice, and each time deploy/up is called again.

In the end the city says of every report what it says after an undisturbed replay (civicctl project), the replay prints the
same happenings and figures, and nothing is left to go on with.
"""
import base64
import difflib
import json
import os
import pathlib
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from town import BIN, ROOT, know_persons_alike  # pylint: disable=wrong-import-position

SAMPLE = ROOT / "deploy/sample"
REPORTS = 40
PATIENCE = 300  # seconds
ANSWERED = b"\nanswered "
MARKET_LOOKED = ANSWERED + b"=" + base64.b64encode(b"z-market/items")


class GoesOnTest(unittest.TestCase):
    def setUp(self):
        self.maxDiff = None
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="on-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.sample = self.folder / "sample"
        shutil.copytree(SAMPLE, self.sample)
        lines = (SAMPLE / "reports.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
        (self.sample / "reports.jsonl").write_text("".join(lines[:REPORTS]), encoding="utf-8")

    def city(self, name):
        folder = self.folder / name
        know_persons_alike(folder)
        self.addCleanup(subprocess.run, [ROOT / "deploy/down", f"--data={folder}", "--purge"], stdout=subprocess.DEVNULL, check=False)
        return folder

    def up(self, city, strike=None, options=()):
        """What deploy/up printed and its exit code; `strike` is called with its process while it works."""
        with open(self.folder / "up.log", "w+", encoding="utf-8") as log:
            with subprocess.Popen([ROOT / "deploy/up", f"--bin={BIN}", f"--data={city}", "--port=0", f"--sample={self.sample}",
                                   *options], stdout=log, stderr=log) as process:
                try:
                    if strike:
                        strike(process)
                    code = process.wait(PATIENCE)
                finally:
                    process.send_signal(signal.SIGINT)
            log.seek(0)
            return log.read(), code

    def once(self, city, said, process):
        """Waits until the diary says so."""
        until = time.monotonic() + PATIENCE
        while not said(self.diary(city)):
            self.assertIsNone(process.poll(), "it is over already")
            self.assertLess(time.monotonic(), until)
            time.sleep(0.01)

    def diary(self, city):
        try:
            return (city / "replay.diary").read_bytes()
        except FileNotFoundError:
            return b""

    def interrupt(self, city, said):
        def strike(process):
            self.once(city, said, process)
            process.send_signal(signal.SIGINT)
        return strike

    def kill_replay(self, city, said):
        def strike(process):
            self.once(city, said, process)
            for child in pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text(encoding="ascii").split():
                if b"civicctl\0replay" in pathlib.Path(f"/proc/{child}/cmdline").read_bytes():
                    os.kill(int(child), signal.SIGKILL)
        return strike

    def outcome(self, city, printed):
        """What the city says of each report, and what the replay told of all."""
        at = json.loads((city / "city.json").read_text(encoding="ascii"))
        out = self.folder / "projection"
        door = [f"--door={at['door']}", f"--keys={at['keys']}"]
        self.ctl("project", *door, f"--sample={self.sample}", f"--out={out}")
        self.ctl("verify", f"--kafka={at['kafka']}", f"--redis=unix:{at['redis']}", *door, env=at["logins"])
        told = printed[printed.index("what happened"):printed.index("\ncommands ")]
        # What happened stands in the order in which it happened first: chance, where shards work at once.
        return out.read_text(encoding="utf-8").splitlines() + sorted(told.splitlines())

    def ctl(self, *arguments, env=None):
        done = subprocess.run([BIN / "civicctl", *arguments], cwd=ROOT, capture_output=True, text=True, check=False,
                              env={**os.environ, **(env or {})})
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_a_replay_that_was_broken_off_ends_as_one_that_was_not(self):
        calm = self.city("calm")
        printed, code = self.up(calm)
        self.assertEqual(code, 0, printed)
        expected = self.outcome(calm, printed)
        # What it says to look at next, as somebody types it who has nothing but that line.
        line = next(line for line in printed.splitlines() if " life " in line)
        shown = subprocess.run(shlex.split(line), cwd=ROOT, capture_output=True, text=True, check=False)
        self.assertEqual(shown.returncode, 0, shown.stderr)
        self.assertIn("办结", shown.stdout)
        self.assertGreater(len(expected), REPORTS)
        subprocess.run([ROOT / "deploy/down", f"--data={calm}", "--purge"], stdout=subprocess.DEVNULL, check=True)

        city = self.city("broken")
        printed, code = self.up(city, options=[f"--input={SAMPLE / 'README.md'}"])
        self.assertEqual(code, 1, printed)
        self.assertIn("is no input that can be replayed", printed)
        # It did not begin, so another one may.
        printed, code = self.up(city, self.interrupt(city, lambda diary: diary.count(ANSWERED) > 150))
        self.assertEqual(code, 130, printed)
        self.assertIn("broken off at 2026-", printed)
        answered = self.diary(city).count(ANSWERED)
        printed, code = self.up(city, self.kill_replay(city, lambda diary: diary.count(ANSWERED) > answered + 150))
        self.assertEqual(code, 1, printed)
        self.assertIn("broken off before", printed)
        printed, code = self.up(city, self.kill_replay(city, lambda diary: MARKET_LOOKED in diary))
        self.assertEqual(code, 1, printed)
        printed, code = self.up(city)
        self.assertEqual(code, 0, printed)
        self.assertIn("broken off before", printed)
        self.assertEqual(list(difflib.unified_diff(expected, self.outcome(city, printed), "calm", "broken", lineterm="", n=0)), [])

        printed, code = self.up(city)
        self.assertEqual(code, 0, printed)
        self.assertIn("replay: done before", printed)


if __name__ == "__main__":
    unittest.main()
