"""What a replay never does and the KPIs have a rule for: a report withdrawn, one declined as false, a case that staff opened
and that is postponed, one whose deadline lies beyond the loaded calendar, and one merged into a case of another shard. All of
it through the door, as people would.
"""
import datetime
import json
import subprocess
import time
import urllib.request

from town import new_request_id

MINUTE = 60 * 1000
DAY = 24 * 60 * MINUTE
LAST_DAY_OF_CALENDAR = int(datetime.datetime(2026, 12, 31, 2, tzinfo=datetime.timezone.utc).timestamp()) * 1000


def rfc3339(at):
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(at // 1000))}.{at % 1000:03}Z"


def eventually(look):
    """What `look` answers once that is anything: what another service does of a fact takes a moment."""
    until, found = time.monotonic() + 60, None
    while not found:
        found = look()
        if not found and time.monotonic() > until:
            raise AssertionError("it does not come")
    return found


class Deeds:
    """`like`: the facts of cases as they were registered; the deeds happen at their places, of their class and condition.
    They begin at `at`, milliseconds of business time, which goes on by a minute with each."""

    def __init__(self, city, roster, like, at):
        self._city = city
        self._members = json.loads(roster.read_text(encoding="utf-8"))["members"]
        self._like, self._at = like, at
        self._tokens = {}

    def do(self):
        self.registered(self.reported("citizen-kpi", self._like[0]), self._like[0])
        false = self.reported("citizen-kpi", self._like[1])
        self.call("REGISTRAR", f"{false}:accept")
        self.call("REGISTRAR", f"{false}:decline", ground="DECLINE_GROUND_FALSE_REPORT", note="虚假上报")
        self.reported("citizen-kpi", self._like[2], withdrawn=True)
        self.reported_on_both_sides_of_a_border()
        case = self.dispatched(self.opened(self._like[3]), self._like[3])
        self.call("UNIT_WORKER", f"{case['name']}:sign", case["unit"])
        # Beyond the last day of the calendar, so that it is postponed to the end.
        self.call("SHIFT_LEADER", f"{case['name']}:postpone", until=rfc3339(self._at + 300 * DAY), note="待雨季后施工")
        self._at = max(self._at, LAST_DAY_OF_CALENDAR)
        self.dispatched(self.opened(self._like[4]), self._like[4])

    def await_rest(self, services):
        """Two passes over all services say so with the same ends."""
        def pass_over():
            rests = [self.call("OPERATOR", f"control/{service}/rest") for service in services]
            return all(rest["at_rest"] for rest in rests) and [rest["shards"] for rest in rests]
        eventually(lambda: (first := pass_over()) and first == pass_over())

    def call(self, role, path, unit=None, **body):
        """POST with a body, else GET, by one of the staff or by the citizen whose name is given as the role."""
        subject = next((member["subject"] for member in self._members for post in member["posts"]
                        if post["role"] == role and post.get("unit") == unit and "area" not in post), role)
        if subject not in self._tokens:
            self._tokens[subject] = subprocess.run(
                [self._city.binaries / "civicctl", "token", f"--keys={self._city.keys}", f"--subject={subject}"],
                check=True, capture_output=True, text=True).stdout.strip()
        self._at += MINUTE
        change = ":" in path or path in ("reports", "cases")
        request = urllib.request.Request(
            f"{self._city.door}/v1/{path}", method="POST" if change else "GET",
            data=json.dumps({"request_id": new_request_id(), **body}).encode() if change else None,
            headers={"authorization": f"Bearer {self._tokens[subject]}", "civicmesh-time": rfc3339(self._at)})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def reported(self, citizen, like, withdrawn=False):
        """The name of the case that a report becomes."""
        report = self.call(citizen, "reports", text=f"{like.class_name_zh}，请处理", location=place(like))["name"]
        case = eventually(lambda: self.call(citizen, report)["case"])
        if withdrawn:
            self.call(citizen, f"{report}:withdraw")
        return case

    def reported_on_both_sides_of_a_border(self):
        """Two cases, 38 m apart in cells of two shards: the second is merged into the first."""
        sides = ("citizen-west", 119.9738), ("citizen-east", 119.9742)
        west, east = (self.call(citizen, "reports", text="路口有一堆垃圾没人清",
                                location={"latitude": 30.29, "longitude": longitude})["name"] for citizen, longitude in sides)
        first = eventually(lambda: self.call("citizen-west", west)["case"])
        eventually(lambda: self.call("citizen-east", east)["case"] == first)

    def opened(self, like):
        case = self.call("COLLECTOR", "cases", source="REPORT_SOURCE_COLLECTOR", class_code=like.class_code, location=place(like),
                         text="巡查发现")
        return case["name"]

    def registered(self, case, like):
        self.call("REGISTRAR", f"{case}:accept")
        self.call("REGISTRAR", f"{case}:register", class_code=like.class_code, condition_id=like.condition_id)

    def dispatched(self, case, like):
        self.registered(case, like)
        return self.call("DISPATCHER", f"{case}:dispatch")


def place(like):
    return {"latitude": like.location.latitude, "longitude": like.location.longitude}
