#!/usr/bin/python3
"""Hands in a report with a photo, anonymously, over HTTP and JSON with nothing but Python: what a kiosk or a web page does.

  photo_report.py PHOTO TEXT [LATITUDE LONGITUDE]      as: photo_report.py bin.jpg '垃圾桶满溢' 30.2786 120.0557

Without a place the one that the camera noted is taken, if it noted any. The environment: CIVICMESH_DOOR (https://city.example:443).
"""
import base64
import hashlib
import json
import mimetypes
import os
import pathlib
import sys
import time
import urllib.error
import urllib.request
import uuid

BOUNDARY = uuid.uuid4().hex


def new_request_id():
    """A UUIDv7: made anew for each thing that is to be done once, and kept for each repetition of it."""
    number = (time.time_ns() // 1_000_000 << 80) | int.from_bytes(os.urandom(10), "big")
    return str(uuid.UUID(int=number & ~(0xF << 76) & ~(0x3 << 62) | 7 << 76 | 2 << 62))


def call(door, path, body):
    request = urllib.request.Request(door + path, json.dumps(body).encode(), {"content-type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        told = json.load(error)
        sys.exit(f"refused: {told['message']}")


def post(form, file):
    """The fields as they were answered, the file as the last one."""
    parts = [f'Content-Disposition: form-data; name="{name}"\r\n\r\n{value}'.encode() for name, value in form["fields"].items()]
    parts.append(f'Content-Disposition: form-data; name="{form["file_field"]}"; filename="photo"\r\n\r\n'.encode() + file)
    body = b"".join(b"--%b\r\n%b\r\n" % (BOUNDARY.encode(), part) for part in parts) + b"--%b--\r\n" % BOUNDARY.encode()
    request = urllib.request.Request(form["url"], body, {"content-type": f"multipart/form-data; boundary={BOUNDARY}"})
    with urllib.request.urlopen(request, timeout=60):
        pass


def upload(door, photo):
    """What to send with the report."""
    file = photo.read_bytes()
    created = call(door, "/v1/uploads", {
        "request_id": new_request_id(), "content_type": mimetypes.guess_type(photo.name)[0], "size_bytes": len(file),
        "sha256": base64.b64encode(hashlib.sha256(file).digest()).decode()})
    post(created["form"], file)
    return call(door, f"/v1/{created['name']}:finish", {"claim": created["claim"]})["attachment"]


def main():
    if len(sys.argv) not in (3, 5):
        sys.exit(__doc__)
    door = os.environ.get("CIVICMESH_DOOR") or sys.exit("CIVICMESH_DOOR is not set")
    photo = upload(door, pathlib.Path(sys.argv[1]))
    print(f"photo: {photo['width_px']} x {photo['height_px']}, as the city keeps it: {photo['link']}")
    place = photo.get("taken_location")
    if len(sys.argv) == 5:
        place = {"latitude": float(sys.argv[3]), "longitude": float(sys.argv[4])}
    report = call(door, "/v1/reports", {"request_id": new_request_id(), "text": sys.argv[2], "anonymous": True,
                                        "photos": [{**photo, "kind": "KIND_NEAR"}], **({"location": place} if place else {})})
    print(f"report: {report['name']}, {report['status_zh']} ({report['status_en']}), tracking code {report['tracking_code']}")


if __name__ == "__main__":
    main()
