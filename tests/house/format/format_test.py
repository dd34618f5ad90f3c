"""clang-format changes no file of the tree, and no merge was left half done."""
import os
import pathlib
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[3]
CLANG_FORMAT = os.environ.get("CIVICMESH_CLANG_FORMAT", "clang-format")


def changed(paths):
    """What clang-format would change, one line each, as file:line:column."""
    done = subprocess.run([CLANG_FORMAT, "--dry-run", "-Werror", "--style=file", *paths], cwd=ROOT, capture_output=True, text=True,
                          check=False)
    return [line.split(": error:")[0] for line in done.stderr.splitlines() if ": error:" in line]


class FormatTest(unittest.TestCase):
    def test_finds_what_is_not_formatted(self):
        with tempfile.NamedTemporaryFile("w", suffix=".cc", dir=ROOT / "tests/house") as file:
            file.write("int  f( );\n")
            file.flush()
            self.assertNotEqual([], changed([file.name]))

    def test_the_tree_is_formatted(self):
        names = subprocess.run(["git", "ls-files", "*.h", "*.cc"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
        self.assertGreater(len(names), 100)
        self.assertEqual([], changed([name for name in names if (ROOT / name).exists()]), "run clang-format -i")

    def test_no_merge_was_left_half_done(self):
        marks = subprocess.run(["git", "grep", "-nE", "^(<{7}|>{7}) "], cwd=ROOT, capture_output=True, text=True, check=False)
        self.assertEqual((marks.stdout, marks.returncode), ("", 1))


if __name__ == "__main__":
    unittest.main()
