"""The tree's sources as the house rules read them: code without comments, string literals, includes."""
import dataclasses
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[3]

_TOKEN = re.compile(
    r"""//[^\n]* | /\*.*?\*/
      | R"(?P<mark>[^\s()\\]*)\(.*?\)(?P=mark)"
      | "(?:\\.|[^"\\\n])*"
      | (?<![0-9a-fA-F])'(?:\\.|[^'\\\n])*'""", re.VERBOSE | re.DOTALL)
_INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class Finding:
    path: str
    line: int
    what: str

    def __str__(self):
        return f"{self.path}:{self.line}: {self.what}"


class Source:
    """One C++ file."""

    def __init__(self, path, text):
        self.path = path
        self.text = text
        self.strings = []  # (line, contents)
        self.code = _TOKEN.sub(self._blank, text)
        # An include's name is blanked as a string; the directives are read where the code still has them.
        kept = {number for number, line in enumerate(self.code.splitlines(), 1) if line.lstrip().startswith("#")}
        self.includes = [(line, found[2]) for found in _INCLUDE.finditer(text)
                         if (line := text.count("\n", 0, found.start(2)) + 1) in kept]

    def _blank(self, token):
        text = token[0]
        if text.startswith(('"', 'R"')):
            self.strings.append((self.text.count("\n", 0, token.start()) + 1, text))
            return '""' + "\n" * text.count("\n")
        return " " + "\n" * text.count("\n")

    def is_test(self):
        """Whether it runs in tests only."""
        name = self.path.rsplit("/", 1)[-1]
        return (self.path.startswith("tests/") or name.endswith(("_test.cc", "_contract.h"))
                or "_for_tests." in name or "_test_support." in name
                or name in ("test_tokens.h", "fake_reads.h", "locked_twins.h", "given_when_then.h", "given_when_then.cc"))

    def lines_with(self, pattern):
        """Lines of code, comments and strings apart, in which the pattern occurs, and what was found."""
        return [(number, found[0]) for number, line in enumerate(self.code.splitlines(), 1)
                for found in re.finditer(pattern, line)]


def read_tree():
    """Every C++ file that is part of the repository, or about to be."""
    names = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "services", "tests"],
                           cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
    return [Source(name, (ROOT / name).read_text(encoding="utf-8")) for name in sorted(set(names))
            if name.endswith((".h", ".cc")) and (ROOT / name).exists()]
