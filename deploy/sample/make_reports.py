#!/usr/bin/env python3
"""Writes reports.jsonl: invented reports of six weeks in 溪澜区, in the order in which they arrive.

The words are in report_texts.txt and report_texts_holdback.txt, written by hand, each used once; this gives each a
place, a time, a source, a reporter and sometimes a greeting, a phone number or a second reporter who says the same in
other words. The seed is fixed.

    deploy/sample/make_reports.py             # writes reports.jsonl beside this script
    deploy/sample/make_reports.py --check     # fails where the file and its sources differ
"""
import datetime
import hashlib
import json
import pathlib
import sys

from make_district import CAMERAS, ROADS, STREETS, beside, corner

HERE = pathlib.Path(__file__).parent
FILE = HERE / "reports.jsonl"
FIRST_DAY = datetime.datetime(2026, 9, 14, tzinfo=datetime.timezone(datetime.timedelta(hours=8)))
DAYS = 42
REPORTERS = 140

# Places that people name: (name, column, row) on the lattice of the district.
LANDMARKS = [
    ("望湖小学门口", 4.3, 1.6), ("荷香菜场", 8.6, 2.4), ("云桥地铁站", 7.4, 5.3), ("市民公园东门", 5.5, 3.4), ("锦帆广场", 12.3, 5.5),
    ("工坊园区南侧", 2.5, 8.4), ("新渠桥头", 5.4, 6.5), ("学林书城", 5.3, 2.5), ("东渡码头", 12.6, 9.3), ("禾丰新苑", 1.4, 5.7),
    ("柳岸花园", 11.6, 2.5), ("松风里小区", 1.5, 2.4), ("浦西医院对面", 8.4, 4.3), ("晨光弄口", 9.3, 4.7)]
OUTSIDE = [("邻区白石岭公路", -3.0, 4.0), ("北郊物流园", 6.0, -4.0), ("绕城高速东渡出口", 18.0, 8.0), ("西渡外环", -2.5, 8.5),
           ("南山镇集市", 5.0, 14.0)]
OUTSIDE_EVERY = 60  # One text in so many is about a place beyond the district.

GREETINGS = ["你好，", "您好！", "领导好，", "再反映一次：", "请问一下，", "麻烦看看，", "实在忍不了了！", "各位工作人员辛苦了，"]
CLOSINGS = ["，望尽快处理。", "，谢谢！", "。急！", "。已经第三次反映了。", "。照片附上。", "，能不能给个准话？", "。不要再踢皮球了！",
            "，等你们回复", "。大家都有意见。", "，期待改善～"]
# What must not be seen by whom it does not concern; none of it can belong to anyone.
PERSONAL = [("。我的电话{}，随时联系。", "13800000007"), ("，联系人老林{}", "13800000031"), ("。回电请打{}，白天都在。", "13800000058"),
            ("，车牌{}，请查。", "浙A00000"), ("。登记用的身份证{}。", "990101199002300000"), ("，结果发我邮箱{}", "nobody@example.com"),
            ("。打{}找我，不要打家里座机", "13800000079"), ("，退费请打到卡上{}", "6222000000000000000"), ("，本人电话{}（微信同号）", "13800000093")]

# When people notice it: hours of the day; all others follow DAYTIME.
DAYTIME = [7, 7, 8, 8, 8, 9, 9, 10, 11, 12, 13, 14, 15, 16, 17, 17, 18, 18, 19, 20, 21, 22]
NIGHT = [20, 21, 22, 22, 23, 23, 0, 0, 1, 2, 5]
NIGHT_CLASSES = {"E0198", "E0301", "E0129", "E0128", "C0137", "E0311", "E0111"}
OFFICE = [8, 9, 10, 10, 11, 14, 15, 16, 17]
# Two stormy spells, by day of the six weeks: what the rain and the wind bring.
STORM_DAYS = [4, 5, 5, 6, 28, 28, 29]
STORM_CLASSES = {"E0506", "E0598", "E0508", "E0599", "C0104", "E0503", "E0307"}

CAMERA_CLASSES = [("E0405", "店外经营"), ("E0401", "无照经营游商"), ("E0406", "占道经营"), ("E0409", "机动车乱停放"), ("E0410", "非机动车乱停放"),
                  ("E0110", "暴露垃圾"), ("E0199", "打包垃圾"), ("E0192", "垃圾满溢"), ("E0136", "乱堆物堆料"), ("E0107", "沿街晾挂"),
                  ("E0203", "违规户外广告"), ("E0499", "违规撑伞")]
ALERTS_PER_CLASS = 4
FALSE_ALARM_EVERY = 12
# Where a box may lie in the picture: left, top, width, height.
BOX = [(0.05, 0.5), (0.2, 0.5), (0.1, 0.4), (0.1, 0.4)]


class Dice:
    """Numbers that depend on nothing but the seed and how many were drawn before."""

    def __init__(self, seed):
        self.seed, self.drawn = seed, 0

    def roll(self):
        self.drawn += 1
        digest = hashlib.sha256(f"{self.seed}/{self.drawn}".encode()).digest()
        return int.from_bytes(digest[:6], "big") / 2**48

    def pick(self, items):
        return items[int(self.roll() * len(items))]

    def between(self, low, high):
        return low + self.roll() * (high - low)


def read_texts():
    """[(class or "", source, text, other classes, held back?)] in the order of the files."""
    texts = []
    for name in ("report_texts.txt", "report_texts_holdback.txt"):
        code = None
        for line in (HERE / name).read_text(encoding="utf-8").splitlines():
            if line.startswith("= "):
                code = line[2:].replace("-", "")
            elif line and not line.startswith("#"):
                body, _, also = line.partition(" | ")
                source = {"h:": "HOTLINE_12345", "c:": "COLLECTOR", "s:": "SENSOR"}.get(body[:2], "CITIZEN_APP")
                said = body if source == "CITIZEN_APP" else body[2:]
                texts.append((code, source, said, also.split(), "holdback" in name))
    return texts


def at(column, row):
    """The place on the lattice, between the four corners around it."""
    left, top = int(column // 1), int(row // 1)
    x, y = column - left, row - top
    point = {}
    for axis in ("latitude", "longitude"):
        north = corner(left, top)[axis] * (1 - x) + corner(left + 1, top)[axis] * x
        south = corner(left, top + 1)[axis] * (1 - x) + corner(left + 1, top + 1)[axis] * x
        point[axis] = round(north * (1 - y) + south * y, 6)
    return point


def on_road(dice):
    name, kind, line, first, last = dice.pick(ROADS)
    along = first + 0.1 + (last - first - 0.2) * dice.roll()
    if abs(along - round(along)) < 0.05:
        along = int(along) + 0.3
    across = line + dice.pick([-0.02, 0.02])  # 15 m
    point = at(along, across) if kind == "row" else at(across, along)
    crossing = [r[0] for r in ROADS if r[1] != kind and r[2] == round(along) and r[3] <= line <= r[4]]
    if crossing and dice.roll() < 0.6:
        return dice.pick([f"{name}{crossing[0]}路口", f"{name}与{crossing[0]}交叉口", f"{name}近{crossing[0]}"]), point
    return f"{name}{int(along * 25) * 2 + 1}号" + dice.pick(["", "", "门口", "附近", "对面"]), point


def in_community(dice):
    _, _, communities = dice.pick(STREETS)
    _, name, left, top, right, bottom = dice.pick(communities)
    point = at(left + 0.2 + (right - left + 0.6) * dice.roll(), top + 0.2 + (bottom - top + 0.6) * dice.roll())
    return f"{name}{int(dice.between(1, 40))}幢" + dice.pick(["", "楼下", "旁边"]), point


def at_landmark(dice, places=LANDMARKS):
    name, column, row = dice.pick(places)
    return name, at(column + dice.between(-0.1, 0.1), row + dice.between(-0.1, 0.1))


def choose_place(dice):
    return dice.pick([on_road, on_road, on_road, in_community, in_community, at_landmark])(dice)


def choose_time(dice, code, source):
    day = dice.pick(STORM_DAYS) if code in STORM_CLASSES and dice.roll() < 0.7 else int(dice.roll() * DAYS)
    hours = OFFICE if source == "COLLECTOR" else NIGHT if code in NIGHT_CLASSES else DAYTIME
    return FIRST_DAY + datetime.timedelta(days=day, hours=dice.pick(hours), seconds=int(dice.between(0, 3600)))


def speak(dice, text, place, source):
    """The text as sent: its place named or, where the phone tells it, sometimes left out."""
    if source == "CITIZEN_APP" and place and dice.roll() < 0.2:
        for form in ("，{p}，", "{p}，", "，{p}"):
            if form in text:
                return text.replace(form, "，" if form == "，{p}，" else "", 1)
    return text.replace("{p}", place)


def dress(dice, text, source, personal):
    """A greeting, a closing, and what should have stayed private."""
    if source != "CITIZEN_APP":
        return text, []
    if dice.roll() < 0.2:
        text = dice.pick(GREETINGS) + text
    if personal:
        closing, datum = personal.pop()
        return text.rstrip("。，！？") + closing.format(datum), [datum]
    if dice.roll() < 0.3:
        text = text.rstrip("。，！？") + dice.pick(CLOSINGS)
    return text, []


def second_voice(dice, first):
    """Where and when another reporter speaks of what `first` reported: within 50 m and 24 h."""
    point = {"latitude": round(first["latitude"] + dice.between(-0.0002, 0.0002), 6),
             "longitude": round(first["longitude"] + dice.between(-0.0002, 0.0002), 6)}
    return first["spoken_place"], point, first["when"] + datetime.timedelta(seconds=int(dice.between(500, 72000)))


def make_spoken(dice):
    """The reports that have words, without ids; `of` refers to the report that a duplicate repeats."""
    reports, personal = [], list(PERSONAL)
    by_class = {}
    for number, (code, source, text, also, holdback) in enumerate(read_texts()):
        person = ""
        if source == "COLLECTOR":
            person = f"collector-{int(dice.between(1, 11)):02d}"
        elif source != "SENSOR" and dice.roll() < 0.9:
            person = f"p{int(dice.between(1, REPORTERS + 1)):03d}"
        report = {"source": source, "class": code, "reporter": person}
        earlier = [r for r in by_class.get(code, [])
                   if r["reporter"] != person and "latitude" in r and not r.get("outside")]
        outside = number % OUTSIDE_EVERY == OUTSIDE_EVERY - 1
        by_citizen = source in ("CITIZEN_APP", "HOTLINE_12345")
        if code and earlier and not outside and by_citizen and dice.roll() < 0.13:
            first = dice.pick(earlier)
            place, point, report["when"] = second_voice(dice, first)
            report["of"] = first
        else:
            place, point = at_landmark(dice, OUTSIDE) if outside else choose_place(dice)
            report["when"] = choose_time(dice, code, source)
            report["outside"] = outside
            by_class.setdefault(code, []).append(report)
        unlocated = by_citizen and "of" not in report and not outside and dice.roll() < 0.16
        said = speak(dice, text, place, "" if unlocated else source)
        report["text"], report["personal"] = dress(dice, said, source, personal if number % 47 == 20 else None)
        report["spoken_place"] = place
        report["also"], report["holdback"] = also, holdback
        if unlocated:
            report["place"] = place
        else:
            report.update(point)
        report["photos"] = {"COLLECTOR": 2, "CITIZEN_APP": int(dice.between(0, 4))}.get(source, 0)
        reports.append(report)
    return reports


def make_alerts(dice):
    """What the cameras raise: every class several times, some of it wrong, some of it twice."""
    alerts = []
    for code, name in CAMERA_CLASSES:
        for n in range(ALERTS_PER_CLASS):
            number = int(dice.roll() * len(CAMERAS))
            wrong = len(alerts) % FALSE_ALARM_EVERY == 5
            alert = {"source": "VIDEO", "class": "" if wrong else code, "detected": code, "reporter": "", "photos": 2,
                     "camera": f"cam-{number + 1:03d}", **beside(*CAMERAS[number][:2]),
                     "confidence": round(dice.between(0.55, 0.8) if wrong else dice.between(0.78, 0.99), 2),
                     "box": [round(dice.between(low, high), 3) for low, high in BOX],
                     "when": choose_time(dice, code, "VIDEO")}
            first = alerts[-1] if n == ALERTS_PER_CLASS - 1 else None
            if first and not wrong and first["class"] and "of" not in first and dice.roll() < 0.5:
                alert.update({field: first[field] for field in ("camera", "latitude", "longitude")})
                alert["when"] = first["when"] + datetime.timedelta(seconds=int(dice.between(900, 18000)))
                alert["of"] = first
            alert["text"] = f"{alert['camera']}抓拍告警：疑似{name}，两帧间隔{int(dice.between(3, 31))}分钟"
            alerts.append(alert)
    return alerts


def make_reports():
    dice = Dice("reports-5")
    reports = make_spoken(dice) + make_alerts(dice)
    reports.sort(key=lambda r: r["when"])
    for number, report in enumerate(reports, 1):
        report["id"] = f"s{number:04d}"
    rows = []
    for report in reports:
        row = {"id": report["id"], "source": report["source"], "reported_at": report["when"].isoformat(),
               "text": report["text"]}
        for field in ("latitude", "longitude", "place", "outside", "camera", "confidence", "box", "detected"):
            if report.get(field):
                row[field] = report[field]
        row.update({"reporter": report["reporter"], "photos": report["photos"], "class": report["class"]})
        for field in ("also", "personal"):
            if report.get(field):
                row[field] = report[field]
        if "of" in report:
            row["duplicate_of"] = report["of"]["id"]
        if report.get("holdback"):
            row["holdback"] = True
        rows.append(row)
    return rows


def main():
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in make_reports())
    if "--check" in sys.argv[1:]:
        if FILE.read_text(encoding="utf-8") != text:
            sys.exit(f"{FILE.name} is not what make_reports.py writes: run it")
        return
    FILE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
