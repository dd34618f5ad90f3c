"""clang-tidy finds a likely mistake, and finds none in what this change touches."""
import pathlib
import tempfile
import unittest

import tidy

MOVED = "#include <string>\n#include <utility>\nstd::string F(std::string a) {{\n  std::string b = std::move(a);\n  return {};\n}}\n"


class TidyTest(unittest.TestCase):
    def findings_in(self, text):
        with tempfile.TemporaryDirectory(dir=tidy.ROOT / "tests/house") as folder:
            file = pathlib.Path(folder) / "a.cc"
            file.write_text(text, encoding="utf-8")
            return tidy.findings(file)

    def test_finds_a_likely_mistake(self):
        self.assertIn("bugprone-use-after-move", self.findings_in(MOVED.format("a")))
        self.assertEqual("", self.findings_in(MOVED.format("b")))
        # Valid C++20 that clang 14 does not know is no finding.
        self.assertEqual("", self.findings_in("struct P { int a, b; };\nP f() { return P(1, 2); }\n"))

    def test_a_header_is_looked_at_through_a_file_that_includes_it(self):
        every = tidy.units()
        self.assertEqual(["services/runtime/base/ids.cc"], tidy.units_of(["services/runtime/base/ids.h"], every))
        self.assertEqual(1, len(tidy.units_of(["services/runtime/decider/decision.h"], every)))
        self.assertEqual([], tidy.units_of(["README.md", "services/gone.cc"], every))

    def test_a_file_is_known_by_what_it_includes(self):
        with tempfile.NamedTemporaryFile("w", suffix=".h", dir=tidy.ROOT / "tests/house") as header, \
                tempfile.NamedTemporaryFile("w", suffix=".cc", dir=tidy.ROOT / "tests/house") as unit:
            unit.write(f'#include "tests/house/{pathlib.Path(header.name).name}"\n')
            unit.flush()
            name = f"tests/house/{pathlib.Path(unit.name).name}"
            before = tidy.fingerprint(name)
            self.assertEqual(before, tidy.fingerprint(name))
            header.write("int a;\n")
            header.flush()
            self.assertNotEqual(before, tidy.fingerprint(name))

    def test_what_this_change_touches(self):
        names = tidy.units_of(tidy.changed_files(), tidy.units())[:tidy.MOST]
        self.assertTrue(tidy.check(names), "see above")


if __name__ == "__main__":
    unittest.main()
