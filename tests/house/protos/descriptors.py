"""The protos as descriptors, with their comments and with the options that our own extensions add."""
import os
import pathlib
import subprocess
import tempfile

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

ROOT = pathlib.Path(__file__).resolve().parents[3]
GOOGLEAPIS = ROOT / "third_party/googleapis"
OPTIONS = "civicmesh/options/v1/options.proto"


class Descriptors:
    """The files of a folder that is laid out as proto/ is; `files` are those of ours, by name."""

    def __init__(self, folder=ROOT / "proto"):
        names = sorted(str(path.relative_to(folder)) for path in pathlib.Path(folder).rglob("*.proto"))
        with tempfile.NamedTemporaryFile() as out:
            subprocess.run([os.environ.get("CIVICMESH_PROTOC", "protoc"), f"-I{folder}", f"-I{ROOT / 'proto'}", f"-I{GOOGLEAPIS}",
                            "--include_imports", "--include_source_info", f"--descriptor_set_out={out.name}", *names, OPTIONS],
                           check=True)
            content = pathlib.Path(out.name).read_bytes()
        self.all = descriptor_pb2.FileDescriptorSet.FromString(content).file
        self.files = {file.name: file for file in self.all if file.name in names}
        # Options are read with classes of a pool that knows our extensions.
        pool = descriptor_pool.DescriptorPool()
        for file in self.all:
            pool.Add(file)
        messages = message_factory.MessageFactory(pool).GetMessages([file.name for file in self.all])
        self._classes = {kind: messages[f"google.protobuf.{kind}Options"] for kind in ("Method", "EnumValue")}
        self._extensions = {name: pool.FindExtensionByName(name)
                            for name in ("civicmesh.options.v1.access", "civicmesh.options.v1.reason", "google.api.http")}

    def option(self, kind, element, extension):
        """The value of our option on a method or an enum value; None where it is not set."""
        options = self._classes[kind].FromString(element.options.SerializeToString())
        field = self._extensions[extension]
        return options.Extensions[field] if options.HasExtension(field) else None


def comments(file):
    """Whether the element at a path (as source info counts them) has a comment."""
    return {tuple(place.path) for place in file.source_code_info.location if place.leading_comments.strip() or place.trailing_comments.strip()}


def messages_of(file):
    """Every message but map entries: (full name without the package, path, message)."""
    def walk(message, name, path):
        yield name, path, message
        for index, nested in enumerate(message.nested_type):
            if not nested.options.map_entry:
                yield from walk(nested, f"{name}.{nested.name}", path + (3, index))
    for index, message in enumerate(file.message_type):
        yield from walk(message, message.name, (4, index))


def enums_of(file):
    """Every enum: (full name without the package, path, enum)."""
    for index, enum in enumerate(file.enum_type):
        yield enum.name, (5, index), enum
    for name, path, message in messages_of(file):
        for index, enum in enumerate(message.enum_type):
            yield f"{name}.{enum.name}", path + (4, index), enum
