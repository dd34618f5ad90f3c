#!/usr/bin/env python3
"""Writes district.json and roster.json: the invented district 溪澜区 and who holds which post in it, as
civicmesh.reference.v1.District and Roster in JSON.

Everything in them follows from the tables below and a fixed seed, so the files are the same on every machine:

    deploy/sample/make_district.py            # writes both beside this script
    deploy/sample/make_district.py --check    # fails where a file and the tables differ
"""
import hashlib
import json
import pathlib
import sys

FOLDER = pathlib.Path(__file__).parent

# GB/T 2260 assigns no code that begins with 99: 990101 can never be a real district.
DISTRICT = "990101"

# The lattice: corner (0, 0) is the north-west one, columns run east, rows run south. Each of its squares holds PARTS by
# PARTS unit grids: enough for the district to lie in so many S2 cells of level 12 that its cases spread over 8 shards.
COLUMNS, ROWS = 14, 10
PARTS = 3
WEST, NORTH = 119.9612, 30.3020
WIDTH, HEIGHT = 0.0030, 0.0026  # Of a unit grid: about 290 m by 290 m.
JITTER = 0.10

# Street: (serial, name, communities); community: (serial, name, first column, first row, last column, last row).
STREETS = [
    ("001", "望澜街道", [
        ("001", "松风社区", 0, 0, 2, 4),
        ("002", "望湖社区", 3, 0, 6, 1),
        ("003", "学林社区", 3, 2, 6, 4)]),
    ("002", "柳浦街道", [
        ("001", "荷香社区", 7, 0, 10, 2),
        ("002", "柳岸社区", 11, 0, 13, 4),
        ("003", "浦西社区", 7, 3, 10, 4)]),
    ("003", "云桥街道", [
        ("001", "云桥社区", 7, 5, 9, 9),
        ("002", "锦帆社区", 10, 5, 13, 7),
        ("003", "东渡社区", 10, 8, 13, 9)]),
    ("004", "禾田街道", [
        ("001", "禾丰社区", 0, 5, 3, 6),
        ("002", "工坊社区", 0, 7, 3, 9),
        ("003", "新渠社区", 4, 5, 6, 9)]),
]

# Roads run along the lattice: (name, "row" or "column", which line, from, to).
ROADS = [
    ("澜庭路", "row", 1, 0, 14), ("望湖路", "row", 3, 0, 14), ("溪澜大道", "row", 5, 0, 14),
    ("禾丰路", "row", 7, 0, 14), ("云帆路", "row", 9, 0, 14), ("荷塘巷", "row", 2, 7, 11), ("工坊巷", "row", 8, 1, 5),
    ("松涛街", "column", 2, 0, 10), ("学林街", "column", 5, 0, 10), ("溪光大道", "column", 7, 0, 10),
    ("柳烟街", "column", 10, 0, 10), ("锦帆街", "column", 12, 0, 10), ("晨光弄", "column", 9, 3, 7),
]

# (id, name, English, department, roles, how many workers)
UNITS = [
    ("u-sanitation", "溪澜区环境卫生中心", "Sanitation Centre", "区城市管理局", ["sanitation"], 4),
    ("u-enforcement", "溪澜区综合行政执法大队", "Urban Management Enforcement Brigade", "区综合行政执法局", ["urban_management"], 4),
    ("u-enforcement-yunqiao", "云桥街道综合行政执法中队", "Yunqiao Enforcement Squad", "区综合行政执法局", ["urban_management"], 2),
    ("u-roads", "溪澜区市政设施养护中心", "Municipal Roads and Lighting Centre", "区城市管理局", ["municipal_roads", "lighting"], 4),
    ("u-drainage", "溪澜区排水设施运行中心", "Drainage Centre", "区住房和城乡建设局", ["drainage"], 3),
    ("u-landscaping", "溪澜区园林绿化中心", "Landscaping Centre", "区城市管理局", ["landscaping"], 3),
    ("u-hetian", "禾田街道综合养护站", "Hetian Maintenance Station", "禾田街道办事处", ["sanitation", "landscaping"], 3),
    ("u-traffic", "溪澜区公安交警大队", "Traffic Police Brigade", "区公安分局", ["traffic_police"], 3),
    ("u-police", "溪澜区治安管理大队", "Public Security Brigade", "区公安分局", ["public_security"], 2),
    ("u-housing", "溪澜区房屋与工地监管中心", "Housing and Construction Sites Centre", "区住房和城乡建设局", ["housing", "construction"], 3),
    ("u-environment", "溪澜区生态环境执法队", "Environment Enforcement Team", "区生态环境分局", ["environment"], 2),
    ("u-market", "溪澜区市场监督管理所", "Market Supervision Office", "区市场监督管理局", ["market_supervision"], 2),
    ("u-utilities", "溪澜区管线权属联合值守站", "Joint Station of Water, Gas, Power and Telecom Owners", "区公用事业协调办",
     ["water", "gas", "power", "telecom"], 4),
    ("u-fire", "溪澜区消防救援大队", "Fire and Rescue Brigade", "区应急管理局", ["fire_rescue"], 2),
    ("u-livelihood", "溪澜区民生诉求协同中心", "Livelihood Requests Centre", "区社会工作部",
     ["education_culture", "labour_social_security", "health", "transport"], 3),
    ("u-general", "溪澜区政府综合协调办公室", "District General Coordination Office", "区政府办公室", ["general"], 2),
]
FALLBACK = "u-general"

# Who answers where, beside the whole-district entry of each role: (prefix, role, unit, why).
OVERRIDES = [
    ("990101003", "urban_management", "u-enforcement-yunqiao", "云桥街道的综合执法事项由街道中队负责"),
    ("990101004", "sanitation", "u-hetian", "禾田街道的清扫保洁由街道养护站负责"),
    ("990101004", "landscaping", "u-hetian", "禾田街道的绿化养护由街道养护站负责"),
    ("990101004003", "landscaping", "u-landscaping", "新渠社区沿渠绿带为区级绿地，由区园林绿化中心负责"),
    ("990101003001001", "urban_management", "u-enforcement", "站前广场所在网格由区大队直管"),
]

# The posts of the centres: (subject prefix, role, how many).
POSTS = [
    ("collector", "COLLECTOR", 10), ("registrar", "REGISTRAR", 4), ("dispatcher", "DISPATCHER", 4),
    ("leader", "SHIFT_LEADER", 3), ("reviewer", "REVIEWER", 4), ("organiser", "ORGANISER", 4),
    ("catalogue", "CATALOGUE_MANAGER", 2), ("analyst", "ANALYST", 3), ("operator", "OPERATOR", 2),
]
GATEWAYS = [("gateway-camera", "视频接入网关"), ("gateway-hotline", "热线接入网关"), ("gateway-sensor", "物联接入网关")]
GRIDS_PER_CHIEF = 40

# Cameras stand just south-east of where two lines of the lattice cross, so that each is inside one grid:
# (column, row, which of the two legal bases).
CAMERAS = [
    (2, 1, 0), (5, 1, 0), (7, 1, 1), (10, 1, 0), (2, 3, 1), (5, 3, 0), (7, 3, 0), (9, 3, 1), (12, 3, 0), (2, 5, 0),
    (5, 5, 0), (7, 5, 0), (9, 5, 1), (10, 5, 0), (12, 5, 0), (5, 7, 0), (7, 7, 1), (9, 7, 0), (4, 8, 1), (10, 9, 0)]
LEGAL_BASES = [
    "公共安全视频图像信息系统管理条例：已备案的公共安全点位；市容识别另经区政府法制审核，依据溪澜区市容环境卫生管理规定，只识别物，不识别人",
    "城市管理执法自建点位：依据溪澜区市容环境卫生管理规定设置，现场有提示标识，录像保存三十日，不识别人脸和车牌",
]

# 请假: who does not act when, and who stands in.
ABSENCES = {"roadchief-13": {"from": "2026-10-08T00:00:00+08:00", "until": "2026-10-15T00:00:00+08:00", "deputy": "roadchief-12"}}

SURNAMES = "林沈方陆叶许汪程夏顾邵温柯骆祝翁桑蒋俞倪"
GIVEN = ["予安", "知夏", "书言", "景和", "听澜", "明远", "若溪", "思源", "清扬", "嘉禾", "望舒", "云帆", "子衿", "亦然", "南枝",
         "向晚", "怀瑾", "星野", "时雨", "承泽", "念一", "沐辰", "晓棠"]


def fraction(*key):
    """A number in [0, 1) that depends on nothing but the key."""
    digest = hashlib.sha256("/".join(map(str, ("district", *key))).encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


def corner(column, row):
    """The lattice point."""
    return grid_corner(column * PARTS, row * PARTS)


def grid_corner(column, row):
    """Where unit grids meet, counted in grids; moved a little: too little for two of them to change places."""
    shift = [(2 * fraction(axis, column, row) - 1) * JITTER for axis in ("x", "y")]
    return {"latitude": round(NORTH - (row + shift[1]) * HEIGHT, 6),
            "longitude": round(WEST + (column + shift[0]) * WIDTH, 6)}


def beside(column, row):
    point = corner(column, row)
    return {"latitude": round(point["latitude"] - 0.0004, 6), "longitude": round(point["longitude"] + 0.0005, 6)}


class Names:
    """Invented names, each given once."""

    def __init__(self):
        self.count = 0

    def next(self):
        n = self.count
        self.count += 1
        return SURNAMES[n % len(SURNAMES)] + GIVEN[(n * 7 + n // len(SURNAMES)) % len(GIVEN)]


def make_grids():
    grids = []
    for street, _, communities in STREETS:
        for community, _, left, top, right, bottom in communities:
            serial = 0
            for row in range(top * PARTS, (bottom + 1) * PARTS):
                for column in range(left * PARTS, (right + 1) * PARTS):
                    serial += 1
                    ring = [grid_corner(column, row + 1), grid_corner(column + 1, row + 1),
                            grid_corner(column + 1, row), grid_corner(column, row)]
                    grids.append({"code": f"{DISTRICT}{street}{community}{serial:03d}", "ring": ring})
    return grids


def make_staff(grids, names):
    """The posts, the units' workers, and the chiefs of grids, whom this also writes into the grids."""
    staff = []
    for prefix, role, count in POSTS:
        for n in range(1, count + 1):
            staff.append({"subject": f"{prefix}-{n:02d}", "name_zh": names.next(), "posts": [{"role": role}]})
    for subject, name in GATEWAYS:
        staff.append({"subject": subject, "name_zh": name, "posts": [{"role": "GATEWAY"}]})
    for unit, _, _, _, _, workers in UNITS:
        for n in range(1, workers + 1):
            staff.append({"subject": f"{unit[2:]}-{n:02d}", "name_zh": names.next(),
                          "posts": [{"role": "UNIT_WORKER", "unit": unit}]})
    chiefs = 0
    community, served = "", 0
    for grid in grids:
        if grid["code"][:12] != community or served == GRIDS_PER_CHIEF:
            community, served = grid["code"][:12], 0
            chiefs += 1
            staff.append({"subject": f"gridchief-{chiefs:02d}", "name_zh": names.next(),
                          "posts": [{"role": "COLLECTOR", "area": community}]})
        served += 1
        grid["chief"] = f"gridchief-{chiefs:02d}"
    return staff


def make_roads(staff, names):
    roads = []
    for n, (name, kind, line, first, last) in enumerate(ROADS, 1):
        along = range(first * PARTS, last * PARTS + 1)
        points = [grid_corner(i, line * PARTS) if kind == "row" else grid_corner(line * PARTS, i) for i in along]
        chief = f"roadchief-{n:02d}"
        staff.append({"subject": chief, "name_zh": names.next(), "posts": [{"role": "ANALYST"}]})
        roads.append({"id": f"r{n:02d}", "name_zh": name, "line": points, "chief": chief})
    return roads


def make_duties():
    duties = []
    unit_names = {unit: name for unit, name, *_ in UNITS}
    for unit, name, _, _, roles, _ in UNITS:
        for role in roles:
            if not any(d["unit_role"] == role for d in duties):
                duties.append({"grid_prefix": "", "unit_role": role, "unit": unit, "text_zh": f"全区范围由{name}负责"})
    for prefix, role, unit, text in OVERRIDES:
        assert unit in unit_names
        duties.append({"grid_prefix": prefix, "unit_role": role, "unit": unit, "text_zh": text})
    return [{"id": f"duty-{n:02d}", **duty} for n, duty in enumerate(duties, 1)]


def make_apart(staff, names):
    """Those whose duties nobody else may have (GB/T 22239-2019), and the tool by which operators work."""
    for prefix, role in (("security", "SECURITY_OFFICER"), ("auditor", "AUDITOR"),
                         ("discipline", "DISCIPLINE_OFFICER")):
        for n in (1, 2):
            staff.append({"subject": f"{prefix}-{n:02d}", "name_zh": names.next(), "posts": [{"role": role}]})
    staff.append({"subject": "civicctl", "name_zh": "运维工具", "posts": [{"role": "OPERATOR"}]})


def make():
    """The files' contents by their names."""
    names = Names()
    grids = make_grids()
    staff = make_staff(grids, names)
    roads = make_roads(staff, names)
    make_apart(staff, names)
    for member in staff:
        if member["subject"] in ABSENCES:
            member["absences"] = [ABSENCES[member["subject"]]]
    return {"district.json": make_district(grids, roads), "roster.json": {"version": "2026-1", "members": staff}}


def make_district(grids, roads):
    cameras = [{"id": f"cam-{n:03d}", "location": beside(column, row), "legal_basis_zh": LEGAL_BASES[basis]}
               for n, (column, row, basis) in enumerate(CAMERAS, 1)]
    return {
        "version": "2026-1",
        "code": DISTRICT,
        "name_zh": "溪澜区",
        "streets": [{"code": DISTRICT + street, "name_zh": name,
                     "communities": [{"code": DISTRICT + street + c[0], "name_zh": c[1]} for c in communities]}
                    for street, name, communities in STREETS],
        "grids": grids,
        "units": [{"id": u[0], "name_zh": u[1], "name_en": u[2], "department_zh": u[3], "roles": u[4]} for u in UNITS],
        "roads": roads,
        "duties": make_duties(),
        "fallback_unit": FALLBACK,
        "cameras": cameras,
    }


def render(district):
    """JSON with one entry a line, so that a change shows as the lines that changed."""
    fields = []
    for name, value in district.items():
        if isinstance(value, list):
            lines = ",\n".join("    " + json.dumps(entry, ensure_ascii=False) for entry in value)
            fields.append(f"  {json.dumps(name)}: [\n{lines}\n  ]")
        else:
            fields.append(f"  {json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}")
    return "{\n" + ",\n".join(fields) + "\n}\n"


def main():
    for name, content in make().items():
        text = render(content)
        if "--check" not in sys.argv[1:]:
            (FOLDER / name).write_text(text, encoding="utf-8")
        elif (FOLDER / name).read_text(encoding="utf-8") != text:
            sys.exit(f"{name} is not what make_district.py writes: run it")


if __name__ == "__main__":
    main()
