#!/usr/bin/python3 -B
"""clang-tidy with .clang-tidy on what a change touches, so that tests/run stays fast; on everything when asked.

  tests/house/tidy/tidy.py          files that differ from main (on main itself: from the commit before), at most 12
  tests/house/tidy/tidy.py --all    every file: half an hour on two cores

A file that was clean is not looked at again until it, a header of ours that it includes, or the checks change; what was
clean is remembered in the build folder. Needs a configured build (CIVICMESH_BUILD, else build/release) whose generated
headers are there.
"""
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[3]
BUILD = pathlib.Path(os.environ.get("CIVICMESH_BUILD", ROOT / "build/release"))
CLANG_TIDY = os.environ.get("CIVICMESH_CLANG_TIDY", "clang-tidy")
MOST = 12
_INCLUDE = re.compile(r'^#include "([^"]+)"', re.MULTILINE)


def git(*arguments):
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.split("\n") if done.returncode == 0 else []


def changed_files():
    """What differs from main, or from the commit before where this is main; with what is not committed yet."""
    base = next((found[0] for main in ("origin/main", "main") if (found := git("merge-base", "HEAD", main))), "")
    if not base or base == git("rev-parse", "HEAD")[0]:
        base = (git("rev-parse", "--verify", "HEAD~1") or [""])[0]
    named = git("diff", "--name-only", base) if base else git("ls-files")
    return sorted({name for name in named + git("ls-files", "--others", "--exclude-standard") if name})


def units():
    """Every file of ours that is compiled."""
    commands = json.loads((BUILD / "compile_commands.json").read_text(encoding="utf-8"))
    names = {os.path.relpath(command["file"], ROOT) for command in commands}
    return {name for name in names if name.startswith(("services/", "tests/"))}


def units_of(changed, all_units):
    """The compiled files among the changed ones, and for a header the one that stands for it: its own, else its test, else
    the first that includes it."""
    chosen = []
    for name in changed:
        if name in all_units:
            chosen.append(name)
        elif name.endswith(".h"):
            own = [unit for unit in (name[:-2] + ".cc", name[:-2] + "_test.cc") if unit in all_units]
            chosen += (own or [unit for unit in sorted(all_units) if f'"{name}"' in _text(unit)])[:1]
    return list(dict.fromkeys(chosen))


def _text(name):
    path = ROOT / name
    return path.read_text(encoding="utf-8") if path.exists() else ""


def fingerprint(unit):
    """Changes when the unit, a file of ours that it includes, or the checks change."""
    digest = hashlib.sha256(_text(".clang-tidy").encode())
    waiting, seen = [unit], set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        # Of generated headers the proto says what is in them.
        text = _text(re.sub(r"(\.grpc)?\.pb\.h$", ".proto", f"proto/{name}" if name.startswith("civicmesh/") else name))
        digest.update(f"{name}\n{text}".encode())
        waiting += sorted(_INCLUDE.findall(text))
    return digest.hexdigest()


def findings(path):
    """What clang-tidy says of a file, "" where it is clean. GCC's names of warnings are not all clang's, and clang 14 does
    not know all of C++20 that GCC 12 compiles: what it calls an error there is told and passed over."""
    done = subprocess.run([CLANG_TIDY, "--quiet", "-p", BUILD, "--extra-arg=-Wno-unknown-warning-option", path],
                          cwd=ROOT, capture_output=True, text=True, check=False)
    said = [line for line in done.stdout.splitlines() if ": error: " in line or ": warning: " in line]
    if done.returncode != 0 and not said:
        return done.stderr or "clang-tidy ended without a word"
    not_understood = [line for line in said if line.endswith("[clang-diagnostic-error]")]
    if not_understood:
        print("not understood by clang:", *not_understood, sep="\n  ", flush=True)
    return "\n".join(line for line in said if line not in not_understood)


def check(names):
    """Looks at what is not known to be clean, two at a time; whether all of it is clean now."""
    known = BUILD / "tidy-clean"
    known.mkdir(exist_ok=True)
    waiting = {name: known / fingerprint(name) for name in names}
    waiting = {name: mark for name, mark in waiting.items() if not mark.exists()}
    print(f"clang-tidy: {len(names)} files, {len(names) - len(waiting)} of them known to be clean", flush=True)
    clean = True
    with concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        for (name, mark), found in zip(waiting.items(), pool.map(findings, waiting)):
            if found:
                clean = False
                print(found, flush=True)
            else:
                mark.touch()
    return clean


def main():
    if sys.argv[1:] not in ([], ["--all"]):
        sys.exit(__doc__)
    every = units()
    names = sorted(every) if sys.argv[1:] else units_of(changed_files(), every)
    if not sys.argv[1:] and len(names) > MOST:
        print(f"{len(names)} files have changed; {len(names) - MOST} of them are left to --all")
        names = names[:MOST]
    sys.exit(0 if check(names) else 1)


if __name__ == "__main__":
    main()
