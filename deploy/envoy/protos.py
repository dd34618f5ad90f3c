"""What the protos say about the doors: every RPC of a service with its HTTP bindings and who may call it.

Reads the descriptor set that protoc writes, which is also what Envoy transcodes by. Needs protoc and Debian's
python3-protobuf.
"""
import dataclasses
import pathlib
import subprocess

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

ROOT = pathlib.Path(__file__).resolve().parents[2]
CONTROL = "civicmesh/runtime/v1/control_service.proto"
# Whatever travels inside google.protobuf.Any must be in the set, or the transcoder answers without a body.
DETAILS = ["google/rpc/error_details.proto", "google/rpc/status.proto", "civicmesh/runtime/v1/runtime.proto"]


class ProtoError(Exception):
    """The protos do not say what a door needs; the message says which and what."""


@dataclasses.dataclass(frozen=True)
class Binding:
    method: str  # as "POST"
    template: str  # as "/v1/{name=cases/*}:accept"


@dataclasses.dataclass(frozen=True)
class Rpc:
    service: str  # as "civicmesh.dispatch.v1.DispatchService"
    name: str
    bindings: tuple[Binding, ...]
    anonymous: bool
    streams: bool  # the server answers with a stream
    raw: bool  # it answers whole documents (google.api.HttpBody), refusals too

    @property
    def path(self):
        return f"/{self.service}/{self.name}"


@dataclasses.dataclass(frozen=True)
class ReasonText:
    code: int
    en: str
    zh: str


class Protos:
    """The descriptor set of `services` (names of services/services.txt) and of what every service serves; `controlled` serve
    nothing else."""

    def __init__(self, services, controlled=()):
        self.services = [*services, *controlled]
        self._files = {**{name: _service_files(name) for name in services}, **{name: [] for name in controlled}}
        self.set_bytes = _compile([f for files in self._files.values() for f in files] + [CONTROL] + DETAILS)
        self.pool = pool = descriptor_pool.DescriptorPool()
        self._set = descriptor_pb2.FileDescriptorSet.FromString(self.set_bytes)
        for file in self._set.file:
            pool.Add(file)
        # The options are read with classes of this pool: only they know the extensions.
        self._messages = message_factory.MessageFactory(pool).GetMessages([f.name for f in self._set.file])
        self._method_options = self._messages["google.protobuf.MethodOptions"]
        self._value_options = self._messages["google.protobuf.EnumValueOptions"]
        self._http = pool.FindExtensionByName("google.api.http")
        self._access = pool.FindExtensionByName("civicmesh.options.v1.access")
        self._reason = pool.FindExtensionByName("civicmesh.options.v1.reason")

    def rpcs(self, service):
        """The RPCs that only this service has, in the order of its protos."""
        return [rpc for file in self._files[service] for rpc in self._rpcs_of(file)]

    def control_rpcs(self):
        """The RPCs that every service has."""
        return self._rpcs_of(CONTROL)

    def message(self, name):
        """An empty one of the type of this full name."""
        return self._messages[name]()

    def reasons(self):
        """What a caller is told for the runtime's reasons, by name."""
        file = self._file("civicmesh/runtime/v1/runtime.proto")
        found = {}
        for value in file.enum_type[0].value:
            options = self._value_options.FromString(value.options.SerializeToString())
            if options.HasExtension(self._reason):
                text = options.Extensions[self._reason]
                found[value.name] = ReasonText(text.code, text.en, text.zh)
        return found

    def _file(self, name):
        return next(file for file in self._set.file if file.name == name)

    def _rpcs_of(self, name):
        file = self._file(name)
        return [self._rpc(f"{file.package}.{service.name}", method) for service in file.service for method in service.method]

    def _rpc(self, service, method):
        options = self._method_options.FromString(method.options.SerializeToString())
        if not options.HasExtension(self._access):
            raise ProtoError(f"{service}.{method.name} does not say who may call it (civicmesh.options.v1.access)")
        http = options.Extensions[self._http] if options.HasExtension(self._http) else None
        rules = [http, *http.additional_bindings] if http else []
        return Rpc(service, method.name, tuple(_binding(service, method.name, rule) for rule in rules),
                   options.Extensions[self._access].anonymous, method.server_streaming, method.output_type == ".google.api.HttpBody")


def _binding(service, name, rule):
    pattern = rule.WhichOneof("pattern")
    if pattern in ("get", "put", "post", "delete", "patch"):
        return Binding(pattern.upper(), getattr(rule, pattern))
    raise ProtoError(f"{service}.{name}: the door knows no {pattern or 'empty'} binding")


def _service_files(service):
    folder = ROOT / "proto/civicmesh" / service / "v1"
    files = sorted(folder.glob("*_service.proto"))
    if not files:
        raise ProtoError(f"services/services.txt names {service}, but there is no {folder.relative_to(ROOT)}/*_service.proto")
    return [str(file.relative_to(ROOT / "proto")) for file in files]


def _compile(files):
    done = subprocess.run(["protoc", f"-I{ROOT / 'proto'}", f"-I{ROOT / 'third_party/googleapis'}", "--include_imports",
                           "--descriptor_set_out=/dev/stdout", *files], capture_output=True, check=False)
    if done.returncode:
        raise ProtoError(f"protoc: {done.stderr.decode().strip()}")
    return done.stdout
