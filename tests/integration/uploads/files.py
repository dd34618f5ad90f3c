"""Pictures and recordings as people send them, made here; and the form by which they are sent."""
import io
import os
import subprocess
import zlib

from PIL import Image
from PIL.TiffImagePlugin import IFDRational

PLACE = (28.2, 112.9)  # degrees north and east
BOUNDARY = b"the-boundary-of-our-forms"
GPS = 0x8825  # the tag of Exif's GPS directory


def photo(width=1600, height=1200, seed=1, form="JPEG"):
    """With Exif: who took it where."""
    picture = Image.effect_noise((width // 16, height // 16), 60 + seed).resize((width, height)).convert("RGB")
    exif = Image.Exif()
    exif[0x010F] = "Maker of cameras"
    exif[0x9286] = "a comment of the owner's"
    exif[GPS] = {1: "N", 2: _degrees(PLACE[0]), 3: "E", 4: _degrees(PLACE[1])}
    out = io.BytesIO()
    picture.save(out, form, exif=exif, quality=90)
    return out.getvalue()


def _degrees(value):
    minutes = (value - int(value)) * 60
    return (IFDRational(int(value)), IFDRational(int(minutes)), IFDRational(round((minutes - int(minutes)) * 6000), 100))


def recording(seconds=3):
    """An m4a of a phone's, with a title that says where."""
    made = subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", f"sine=frequency=440:duration={seconds}", "-metadata",
                           "title=At home, Lane 5", "-c:a", "aac", "-movflags", "frag_keyframe+empty_moov", "-f", "mp4", "pipe:1"],
                          capture_output=True, check=True)
    return made.stdout


def bomb():
    """A PNG of some hundred bytes that says it has 60,000 x 60,000 pixels."""
    out = io.BytesIO()
    Image.new("L", (64, 64)).save(out, "PNG")
    data = bytearray(out.getvalue())
    data[16:24] = (60000).to_bytes(4, "big") * 2
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    return bytes(data)


def multipart(fields, file_field, file):
    """The body of a form, and its content type."""
    parts = [f'Content-Disposition: form-data; name="{name}"\r\n\r\n{value}'.encode() for name, value in fields.items()]
    parts.append(f'Content-Disposition: form-data; name="{file_field}"; filename="file"\r\n'
                 f"Content-Type: application/octet-stream\r\n\r\n".encode() + file)
    body = b"".join(b"--" + BOUNDARY + b"\r\n" + part + b"\r\n" for part in parts) + b"--" + BOUNDARY + b"--\r\n"
    return body, f"multipart/form-data; boundary={BOUNDARY.decode()}"


def noise(size):
    return os.urandom(size)
