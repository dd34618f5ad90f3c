"""A city that is watched while its door is attacked: whatever comes, the same processes live on, healthy, with as much memory as
before, and who asks as one should is served as fast as before."""
import http.client
import json
import pathlib
import re
import statistics
import time

from door_alone import ask_unix
from tokens import Forge
from town import AskedTown

SERVICES = ("dispatch", "intake")
# How much more memory than at its beginning a process may have had at any time, in MiB.
MAY_GROW = {"envoy": 96, **{name: 24 for name in SERVICES}}
# What a normal call may take more than three times what it took before, in seconds: the median, of as many. Machines are noisy.
CALLS, MAY_TAKE = 20, 0.25


class WatchedCity(AskedTown):
    def __init__(self):
        super().__init__("hostile-", "--services=" + ",".join(SERVICES), "--development-tokens")
        host, _, port = self.where["door"].removeprefix("http://").partition(":")
        self.address = (host, int(port))
        self.forge = Forge(self.signing_key, self.kid, self.where["issuer"], self.where["audience"])
        for _ in range(5):  # what is made once is made then
            self._usual = self.median_of_calls()
        self._before = {name: self._memory(name, "VmRSS") for name in MAY_GROW}
        for name in MAY_GROW:
            pathlib.Path(f"/proc/{self.pids[name]}/clear_refs").write_text("5", encoding="ascii")  # begins its peak anew
        self._lost = self.connections_lost()

    @property
    def pids(self):
        return self.where["pids"]

    def authorization(self):
        return ("authorization", "Bearer " + self.forge.token())

    def median_of_calls(self):
        """In seconds, of calls that must be answered."""
        took = []
        connection = http.client.HTTPConnection(*self.address, timeout=30)
        for i in range(CALLS):
            path, headers = [("/v1/cases", dict([self.authorization()])), ("/v1/reports/r-none", {})][i % 2]
            began = time.monotonic()
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            body = json.loads(answer.read())
            took.append(time.monotonic() - began)
            if answer.status not in (200, 404) or answer.status == 404 and body["details"][0]["metadata"].get("field") != "name":
                raise AssertionError(f"{path}: {answer.status} {body}")
        connection.close()
        return statistics.median(took)

    def connections_lost(self):
        """Those to the services that a service has closed: with each go the calls of other clients."""
        stats = ask_unix(self.where["envoy_admin"], "/stats?filter=upstream_cx_destroy_remote$").decode()
        return sum(int(number) for number in re.findall(r": ([0-9]+)", stats))

    def grown(self):
        """By process, in MiB at its peak."""
        return {name: self._memory(name, "VmHWM") - self._before[name] for name in MAY_GROW}

    def complaints(self):
        """What is not as it should be."""
        found = [f"{name} is another process" for name, pid in self.pids.items() if self.city.parts.pid(name) != pid]
        if found:
            return found
        found += [f"{name} is not healthy" for name in SERVICES if not self.city.healthy(name)]
        found += [f"{name} has had {grown:.0f} MiB more" for name, grown in self.grown().items() if grown > MAY_GROW[name]]
        if self.connections_lost() > self._lost:
            found.append("a service has closed a connection of the door")
        median = self.median_of_calls()
        return found + ([f"a call takes {median:.3f} s"] if median > MAY_TAKE + 3 * self._usual else [])

    def _memory(self, name, what):
        status = pathlib.Path(f"/proc/{self.pids[name]}/status").read_text(encoding="ascii", errors="replace")
        return int(re.search(rf"{what}:\s+([0-9]+) kB", status)[1]) / 1024
