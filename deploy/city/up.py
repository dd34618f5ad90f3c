"""deploy/up: a whole city on this machine.

Installs what is missing, builds, starts everything, loads the sample district and replays its reports. Called again it goes
on where it was: parts that run are left alone (started anew where their program or settings changed), stages that are done
are not repeated. Interrupted, it stops all it started.
"""
import argparse
import contextlib
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

from city import ROOT, City, Unusable, all_services
from logins import DATA
from processes import Broken, Busy, run

SAMPLE = ROOT / "deploy/sample"
BUILT = ROOT / "build/release/bin"


def existing_file(name):
    if not os.path.isfile(name):
        raise argparse.ArgumentTypeError(f"there is no file {name}")
    return os.path.abspath(name)


def backup(name):
    if not os.path.isfile(os.path.join(name, "manifest.json")):
        raise argparse.ArgumentTypeError(f"{name} is no backup: it has no manifest.json")
    return pathlib.Path(name).resolve()


def origin(text):
    """As browsers write it, or no browser's origin would ever be equal to it."""
    if not re.fullmatch(r"https?://[a-z0-9.-]+(:[0-9]+)?", text):
        raise argparse.ArgumentTypeError(f"{text} is no origin; write https://console.city.example, without a path")
    return text


def options():
    parser = argparse.ArgumentParser(prog="deploy/up", description="Puts a whole city up on this machine.")
    parser.add_argument("--data", default=ROOT / ".run/city", metavar="DIR", help="where everything is kept (.run/city)")
    parser.add_argument("--port", type=int, default=8311, help="of the door, on loopback (8311); 0: any free one")
    parser.add_argument("--console-origin", type=origin, metavar="URL",
                        help="the web console's, as https://console.city.example: its pages may read the door's answers (nobody's)")
    parser.add_argument("--shards", type=int, help="fixed once the city is founded (8)")
    parser.add_argument("--clock", choices=["driven", "real"],
                        help="driven: business time comes with the calls, as a replay needs it; fixed too (driven)")
    parser.add_argument("--standard", type=existing_file, metavar="FILE",
                        help="load this published standard instead of the sample's; fixed too")
    parser.add_argument("--input", type=existing_file, metavar="FILE", help="replay this instead of the sample's reports")
    parser.add_argument("--sample", type=pathlib.Path, default=SAMPLE, metavar="DIR", help="another sample district (for tests)")
    parser.add_argument("--restore", type=backup, metavar="DIR",
                        help="begin a new city with this backup (civicctl backup) instead of the sample; its keys/ must be there")
    parser.add_argument("--development-tokens", action="store_true", default=None,
                        help="believe tokens that say what their subject may (for tests); fixed too")
    parser.add_argument("--jwks-url", metavar="URL",
                        help="services and door take the key set from there, not from keys/jwks.json; it must hold that key too")
    parser.add_argument("--jwks-authorities", type=existing_file, metavar="FILE",
                        help="who may certify the server of that URL (PEM; whom this machine trusts)")
    parser.add_argument("--no-replay", action="store_true", help="a city without reports")
    parser.add_argument("--services", type=lambda names: names.split(","), metavar="A,B", help="only these (for tests)")
    parser.add_argument("--objects", action="store_true", help="with the object store, although not all services are asked for (for tests)")
    parser.add_argument("--bin", type=pathlib.Path, metavar="DIR",
                        help="use the programs built there; install and build nothing (for tests)")
    asked = parser.parse_args()
    asked.objects = asked.objects or not asked.services or "media" in asked.services
    asked.services = asked.services or all_services()
    return asked


def shards_of(asked):
    """As many as the backup has, where there is one."""
    if not asked.restore:
        return asked.shards
    return json.loads((asked.restore / "manifest.json").read_text(encoding="utf-8"))["shards"]


class Stages:
    """Tells which stage is under way and how long each took."""

    def __init__(self):
        self._took = []

    @contextlib.contextmanager
    def stage(self, name):
        print(f"== {name}", flush=True)
        began = time.monotonic()
        yield
        self._took.append((name, time.monotonic() - began))

    def print_table(self):
        print("\nstage        seconds")
        for name, seconds in [*self._took, ("all", sum(seconds for _, seconds in self._took))]:
            print(f"{name:<12} {seconds:7.1f}")


def build(services):
    run(["cmake", "--preset", "release"], cwd=ROOT, stdout=subprocess.DEVNULL)
    targets = [f"civicmesh-{name}" for name in services] + ["civicctl", "civicmesh-webhooks"]
    run(["cmake", "--build", "--preset", "release", "--target", *targets], cwd=ROOT)


def start(asked, stages, city):
    if not asked.bin:
        with stages.stage("install"):
            run([ROOT / "deploy/install"])
        with stages.stage("build"):
            build(asked.services)
    with stages.stage("stores"):
        city.start_stores(asked.objects)
    if asked.restore and city.installation.get("restored") != str(asked.restore):
        prepare_restore(city)
    city.make_keys()
    city.jwks, city.jwks_authorities = asked.jwks_url or city.jwks, asked.jwks_authorities or ""
    city.choose_port(asked.port)
    city.make_open311(city.installation["door_port"])
    with stages.stage("topics"):
        city.civicctl("topics", "create", f"--kafka={city.kafka}", f"--shards={city.installation['shards']}",
                      stdout=subprocess.DEVNULL)
        city.apply_access()
    if asked.restore and city.installation.get("restored") != str(asked.restore):
        with stages.stage("restore"):
            city.restore(asked.restore)
        # What these stages would do, the city has behind it.
        city.note(restored=str(asked.restore), roster="published", replay="done")
    city.publish_roster(asked.sample / "roster.json")
    with stages.stage("services"):
        city.start_services(asked.services)
        city.start_webhooks()
        city.start_door(asked.services, asked.console_origin or "")
        city.await_services(asked.services)
        where = city.describe(asked.services)
    common = [f"--door={where['door']}", f"--keys={city.keys}", f"--sample={asked.sample}", f"--kafka={city.kafka}"]
    if city.installation["standard"]:
        common.append(f"--standard={city.installation['standard']}")
    with stages.stage("load"):
        city.civicctl("load", *common)
    if not asked.no_replay:
        replay(asked, stages, city, common)
    return where


def prepare_restore(city):
    if city.founded:
        raise Unusable(f"there is a city in {city.folder} already; a backup is restored into a new one (deploy/down --purge, "
                       "after copying its keys/)")
    if not (city.keys / "signing-key.pem").exists():
        raise Unusable(f"put the keys/ of the city that was backed up into {city.folder} first: with other secrets nobody's "
                       "reports would be theirs, and what is sealed would stay sealed")


def replay(asked, stages, city, common):
    """Once in a city's life: its time never goes back. One that was broken off goes on."""
    city.found(input=(asked.input, ""))
    if city.installation.get("replay") == "done":
        print("== replay: done before; another one needs a new city (deploy/down --purge)")
        return
    city.note(replay="broken off")
    diary = city.folder / "replay.diary"
    try:
        with stages.stage("replay"):
            of = city.installation["input"]
            city.civicctl("replay", *common, f"--diary={diary}", *([f"--input={of}"] if of else []))
    except BaseException:
        if not diary.exists():
            city.forget("replay", "input")  # nothing was replayed, so another input may be
        raise
    city.note(replay="done")
    diary.unlink()  # it is long, and holds what was answered to each


def print_where_to_look(city, where):
    for name, subject in (("clerk", "registrar-01"), ("operator", "operator-01")):
        token = city.token(subject, hours=24)
        (city.keys / f"{name}.header").write_text(f"Authorization: Bearer {token}\n", encoding="ascii")
    login = f"-F {city.guard.kafka_file(DATA)} " if city.guard else ""
    folder = pathlib.Path(os.path.relpath(city.folder, ROOT)) if city.folder.is_relative_to(ROOT) else city.folder
    print(f"""
The city is up: {where["door"]} (business time: {where["clock"]}). Stop it with deploy/down.

  cases     curl -sH @{folder}/keys/clerk.header '{where["door"]}/v1/cases?page_size=3'
  metrics   curl -sH @{folder}/keys/operator.header {where["door"]}/v1/control/dispatch/metrics
  webhooks  the same at /v1/control/webhooks/metrics, once there is a {folder}/webhooks.json
  shards    curl -sH @{folder}/keys/operator.header {where["door"]}/v1/control/dispatch/shards
  Open311   curl -s {where["door"]}/open311/v2/services.json; to post: the key in {folder}/keys/open311_key
  events    kcat {login}-b {where["kafka"]} -C -e -t civicmesh.dispatch.events.v1
  the rest  {folder}/city.json, logs in {folder}/log""")


def interrupted(number, frame):
    raise KeyboardInterrupt


def main():
    asked = options()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupted)
    stages = Stages()
    try:
        city = City(asked.data, asked.bin or BUILT)
        with city.parts.locked():
            city.found(shards=(shards_of(asked), 8), clock=(asked.clock, "driven"), standard=(asked.standard, ""),
                       development_tokens=(asked.development_tokens, False), logins=(None, not city.founded))
            if "replay" in city.installation:
                city.found(input=(asked.input, ""))
            try:
                where = start(asked, stages, city)
            except BaseException:
                for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                    signal.signal(number, signal.SIG_IGN)
                stopped = city.stop()
                print("\nstopped: " + ", ".join(stopped) if stopped else "\nnothing runs", file=sys.stderr)
                raise
            stages.print_table()
            print_where_to_look(city, where)
    except KeyboardInterrupt:
        sys.exit(130)
    except (Broken, Busy, Unusable) as error:
        sys.exit(f"deploy/up: {error}")
    except subprocess.CalledProcessError as error:
        sys.exit(f"deploy/up: {pathlib.Path(error.cmd[0]).name} {' '.join(map(str, error.cmd[1:3]))} … failed ({error.returncode})")


os.umask(0o077)
main()
