"""The protos of a folder as descriptors (proto/package/described.py)."""
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[3]
GOOGLEAPIS = ROOT / "third_party/googleapis"
OPTIONS = "civicmesh/options/v1/options.proto"

sys.path.insert(0, str(ROOT / "proto/package"))
from described import Described  # noqa: E402


class Descriptors(Described):
    """The files of a folder that is laid out as proto/ is; `files` are those of ours, by name."""

    def __init__(self, folder=ROOT / "proto"):
        names = sorted(str(path.relative_to(folder)) for path in pathlib.Path(folder).rglob("*.proto"))
        with tempfile.NamedTemporaryFile() as out:
            subprocess.run([os.environ.get("CIVICMESH_PROTOC", "protoc"), f"-I{folder}", f"-I{ROOT / 'proto'}", f"-I{GOOGLEAPIS}",
                            "--include_imports", "--include_source_info", f"--descriptor_set_out={out.name}", *names, OPTIONS],
                           check=True)
            super().__init__(pathlib.Path(out.name).read_bytes())
        self.files = {file.name: file for file in self.all if file.name in names}
