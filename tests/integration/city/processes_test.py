"""Parts that outlive the script which started them: found again, never confused with another process, stopped whole."""
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "deploy/city"))
from processes import Broken, Busy, Part, Parts, run  # noqa: E402

SLEEPER = ["/usr/bin/sleep", "600"]


class PartsTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.parts = Parts(self.folder)
        self.addCleanup(lambda: self.parts.stop(*self.parts.running(), patience=1))

    def shell(self, name, script):
        self.parts.start(Part(name, ["/bin/sh", "-c", script]))

    def test_one_that_runs_as_it_should_is_left_alone(self):
        self.assertTrue(self.parts.start(Part("a", SLEEPER)))
        pid = self.parts.pid("a")
        self.assertFalse(Parts(self.folder).start(Part("a", SLEEPER)))
        self.assertEqual(self.parts.running(), {"a": pid})

    def test_other_settings_or_another_text_to_read_start_it_anew(self):
        pids = set()
        for part in (Part("a", SLEEPER), Part("a", SLEEPER, {"SHARDS": "8"}), Part("a", SLEEPER, {"SHARDS": "8"}, "text")):
            self.assertTrue(self.parts.start(part))
            pids.add(self.parts.pid("a"))
        self.assertEqual(len(pids), 3)
        self.assertEqual(len(self.parts.running()), 1)

    def test_one_that_was_killed_does_not_run(self):
        self.parts.start(Part("a", SLEEPER))
        os.kill(self.parts.pid("a"), signal.SIGKILL)
        self.parts.stop("a")
        self.assertIsNone(self.parts.pid("a"))

    def test_a_number_that_another_process_has_now_is_not_ours(self):
        stranger = subprocess.Popen(SLEEPER)
        self.addCleanup(stranger.wait)
        self.addCleanup(stranger.kill)
        (self.folder / "pid/a.json").write_text(json.dumps({"pid": stranger.pid, "began": 1, "recipe": "", "log_from": 0}))
        self.assertEqual(self.parts.running(), {})
        self.parts.stop("a")
        self.assertIsNone(stranger.poll())

    def test_one_that_will_not_end_is_made_to(self):
        self.shell("a", "trap '' TERM; echo ready; while :; do sleep 600; done")
        self.parts.await_ready("a", lambda: "ready" in self.parts.log("a").read_text(), 10)
        self.parts.stop("a", patience=0.1)
        self.assertIsNone(self.parts.pid("a"))

    def test_one_that_ends_is_told_of_with_this_starts_log_only(self):
        self.shell("a", "echo of the first start; exit 0")
        with self.assertRaises(Broken):
            self.parts.await_ready("a", lambda: False, 10)
        self.shell("a", "echo no key; exit 3")
        with self.assertRaisesRegex(Broken, "a ended; the end of .*a.log:\n  no key$"):
            self.parts.await_ready("a", lambda: False, 10)

    def test_one_that_is_never_ready_is_told_of(self):
        self.parts.start(Part("a", SLEEPER))
        with self.assertRaisesRegex(Broken, "a is not ready after 0.2 seconds"):
            self.parts.await_ready("a", lambda: False, 0.2)

    def test_a_second_one_at_work_is_refused(self):
        with self.parts.locked():
            with self.assertRaisesRegex(Busy, f"process {os.getpid()} is at work here"):
                with Parts(self.folder).locked():
                    pass
        with Parts(self.folder).locked():
            pass

    def test_a_command_that_is_interrupted_leaves_none_of_its_own_behind(self):
        children = self.folder / "children"
        script = f"sleep 600 & echo $! > {children}; kill -INT {os.getpid()}; wait"
        with self.assertRaises(KeyboardInterrupt):
            run(["/bin/sh", "-c", script])
        child = int(children.read_text())
        until = time.monotonic() + 10
        while alive(child) and time.monotonic() < until:
            time.sleep(0.01)
        self.assertFalse(alive(child))


def alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


if __name__ == "__main__":
    unittest.main()
