"""The package for other agencies, installed as they would, and its example clients, built from it alone."""
import os
import pathlib
import shutil
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[3]
BUILD = pathlib.Path(os.environ["CIVICMESH_BUILD"])
MODULES = ROOT / ".run/tools/go"  # deploy/install modules


def run(*command, **rest):
    """What it prints. Raises AssertionError with all of that where it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, **rest)
    if done.returncode:
        raise AssertionError(f"{command[0]} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def install(prefix):
    """The folder of the package installed there, and nothing that was there before."""
    shutil.rmtree(prefix, ignore_errors=True)
    run("cmake", "--install", str(BUILD), "--component", "protos", "--prefix", str(prefix))
    return pathlib.Path(prefix) / "share/civicmesh-protos"


class Examples:
    """Built in a folder that is kept, so that what has not changed is not built again."""

    def __init__(self, folder):
        self._folder = pathlib.Path(folder)
        self.package = install(self._folder / "prefix")
        self.stubs = self._folder / "python"  # Python's

    def build_cpp(self):
        made = self._folder / "cpp"
        run("cmake", "-G", "Ninja", "-S", str(self.package / "examples/cpp"), "-B", str(made), "-DCMAKE_CXX_COMPILER_LAUNCHER=ccache",
            f"-DCMAKE_PREFIX_PATH={self._folder / 'prefix'}")
        run("cmake", "--build", str(made))
        return [str(made / "report_and_follow")]

    def build_python(self):
        run(str(self.package / "examples/python/generate"), str(self.stubs))
        return ["/usr/bin/python3", "-B", str(self.package / "examples/python/unit_cases.py")]

    def build_go(self):
        made = self._folder / "go"
        shutil.copytree(self.package / "examples/go", made, dirs_exist_ok=True)
        # Debian's own Go, and no module but those that go.sum names.
        env = {**os.environ, "PATH": "/usr/bin:/bin", "GOMODCACHE": str(MODULES / "mod"), "GOCACHE": str(self._folder / "go-cache"),
               "GOPROXY": "off", "GOFLAGS": "-mod=readonly -modcacherw"}
        run(str(made / "generate"), str(self.package), env=env)
        run("/usr/bin/go", "vet", "./...", cwd=made, env=env)
        run("/usr/bin/go", "build", "-o", "bin/", ".", cwd=made, env=env)
        return [str(made / "bin/raisealert")]

    def ask(self, program, *arguments, door, token, config=None):
        """Runs an example: (exit status, what it printed, what it complained of). `config`: another service config."""
        env = {**os.environ, "CIVICMESH_DOOR": door, "CIVICMESH_TOKEN": token, "PYTHONPATH": str(self.stubs),
               "CIVICMESH_SERVICE_CONFIG": str(config or self.package / "service_config.json")}
        done = subprocess.run([*program, *arguments], capture_output=True, text=True, env=env, timeout=120, check=False)
        return done.returncode, done.stdout, done.stderr
