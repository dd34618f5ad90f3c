"""Processes that go on after the one that started them, known by a folder of pid files.

A pid file also says when its process began, so that a number that the system has given to another process since is never
taken for ours; and of which recipe it was made, so that a part is started anew when its program or settings changed.

Meant for one user at a time (the folder's lock). Blocks while it waits.
"""
import contextlib
import dataclasses
import fcntl
import hashlib
import json
import os
import pathlib
import signal
import subprocess
import time


class Broken(Exception):
    """A part did not start or did not become ready; the message says which and shows the end of its log."""


class Busy(Exception):
    """Somebody else works in the folder."""


@dataclasses.dataclass(frozen=True)
class Part:
    name: str
    argv: list
    env: dict = dataclasses.field(default_factory=dict)
    reads: str = ""  # the text of what it reads at its start
    patience: float = 15  # seconds that it has to end where it is to be started anew

    def recipe(self):
        program = os.stat(self.argv[0])
        made_of = [self.argv, self.env, self.reads, program.st_ino, program.st_mtime_ns]
        return hashlib.sha256(json.dumps(made_of).encode()).hexdigest()


class Parts:
    """The parts of one folder."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        for name in ("pid", "log"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)

    @contextlib.contextmanager
    def locked(self):
        """Raises Busy where another process holds the folder."""
        with open(self.folder / "lock", "a+", encoding="ascii") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.seek(0)
                raise Busy(f"{self.folder}: process {file.read().strip()} is at work here") from None
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
            yield

    def log(self, name):
        return self.folder / "log" / f"{name}.log"

    def pid(self, name):
        """The process of a part, None where it does not run."""
        noted = self._noted(name)
        return noted["pid"] if noted else None

    def running(self):
        return {file.stem: pid for file in sorted((self.folder / "pid").glob("*.json")) if (pid := self.pid(file.stem))}

    def start(self, part):
        """False: it runs already, as it should. One that runs otherwise is stopped first."""
        noted = self._noted(part.name)
        recipe = part.recipe()
        if noted and noted["recipe"] == recipe:
            return False
        self.stop(part.name, patience=part.patience)
        with _uninterrupted() as before, open(self.log(part.name), "ab") as log:
            log_from = log.tell()
            process = _spawn(part.argv, part.env, before, stdout=log, stderr=log, cwd=self.folder)
            self._file(part.name).write_text(json.dumps({"pid": process.pid, "began": _began(process.pid), "recipe": recipe,
                                                         "log_from": log_from}), encoding="ascii")
        process.returncode = 0  # Python would complain that it lives on: it is meant to
        return True

    def await_ready(self, name, ready, seconds):
        """Until `ready` answers True, at most so long. Raises Broken."""
        until = time.monotonic() + seconds
        while not ready():
            if not self.pid(name):
                raise Broken(self._story(name, "ended"))
            if time.monotonic() > until:
                raise Broken(self._story(name, f"is not ready after {seconds} seconds"))
            time.sleep(0.05)

    def stop(self, *names, patience=15):
        """Asks them to end, all at once, and makes them end after `patience` seconds. Nothing for one that does not run."""
        noted = {name: noted for name in names if (noted := self._noted(name))}
        for one in noted.values():
            _signal(one["pid"], signal.SIGTERM)
        until = time.monotonic() + patience
        while any(self._noted(name) for name in noted):
            if time.monotonic() > until:
                for one in noted.values():
                    _signal(one["pid"], signal.SIGKILL)
            time.sleep(0.02)
        for name in names:
            self._file(name).unlink(missing_ok=True)

    def _file(self, name):
        return self.folder / "pid" / f"{name}.json"

    def _read(self, name):
        try:
            return json.loads(self._file(name).read_text(encoding="ascii"))
        except (FileNotFoundError, json.JSONDecodeError):
            return None

    def _noted(self, name):
        noted = self._read(name)
        return noted if noted and noted["began"] == _began(noted["pid"]) is not None else None

    def _story(self, name, what):
        with open(self.log(name), "rb") as log:
            log.seek((self._read(name) or {"log_from": 0})["log_from"])
            end = log.read().decode(errors="replace").splitlines()[-20:]
        return "\n".join([f"{name} {what}; the end of {self.log(name)}:", *("  " + line for line in end)])


def _began(pid):
    """When the process began, in the kernel's ticks; None where it does not live."""
    try:
        after_name = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if after_name[0] in "ZX" else int(after_name[19])


def _signal(pid, number):
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


@contextlib.contextmanager
def _uninterrupted():
    """Interrupts wait until it is over, so that there is no process which nobody knows. Yields what was blocked before."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
    try:
        yield before
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _spawn(argv, env, mask, **popen):
    """In a session of its own: what is typed at our terminal is for us alone."""
    return subprocess.Popen(argv, env={**os.environ, **env}, stdin=subprocess.DEVNULL, start_new_session=True,
                            preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_SETMASK, mask), **popen)


def run(argv, env=None, **popen):
    """Runs a command to its end, with `env` besides our environment, and ends all of it where we are interrupted meanwhile.
    Raises CalledProcessError."""
    process = None
    try:
        with _uninterrupted() as before:
            process = _spawn(argv, env or {}, before, **popen)
        code = process.wait()
    except BaseException:
        with _uninterrupted():
            for number in (signal.SIGTERM, signal.SIGKILL) if process else ():
                with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
                    os.killpg(process.pid, number)
                    process.wait(5)
        raise
    if code:
        raise subprocess.CalledProcessError(code, argv)
