"""deploy/up that does not get to its end: interrupted, or with a part that does not start. Nothing of it goes on running."""
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[3]
BIN = pathlib.Path(os.environ["CIVICMESH_BIN"])


class UpTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="up-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def up(self, binaries):
        return subprocess.Popen([ROOT / "deploy/up", f"--data={self.folder}", f"--bin={binaries}", "--services=dispatch", "--port=0",
                                 "--no-replay"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def running(self):
        """The processes that name our folder, however they were started."""
        found = []
        for process in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except (FileNotFoundError, ProcessLookupError):
                continue
            if str(self.folder) in command:
                found.append(command)
        return found

    def test_interrupted_it_leaves_nothing_running_and_a_second_one_is_refused(self):
        first = self.up(BIN)
        until = time.monotonic() + 120
        while not (self.folder / "pid/kafka.json").exists() and time.monotonic() < until:
            time.sleep(0.05)
        second = self.up(BIN)
        said = second.communicate()[0]
        self.assertEqual((second.returncode, f"process {first.pid} is at work here" in said), (1, True), said)
        first.send_signal(signal.SIGINT)
        said = first.communicate()[0]
        self.assertEqual(first.returncode, 130, said)
        self.assertEqual(self.running(), [])

    def test_a_part_that_does_not_start_is_named_with_its_log(self):
        binaries = self.folder / "bin"
        binaries.mkdir()
        (binaries / "civicctl").symlink_to(BIN / "civicctl")
        broken = binaries / "civicmesh-dispatch"
        broken.write_text("#!/bin/sh\necho refuses to start: no keys\nexit 1\n")
        broken.chmod(0o755)
        up = self.up(binaries)
        said = up.communicate()[0]
        self.assertEqual(up.returncode, 1, said)
        self.assertRegex(said, "dispatch ended; the end of .*dispatch.log:\n  refuses to start: no keys\n")
        self.assertEqual(self.running(), [])


if __name__ == "__main__":
    unittest.main()
