"""A descriptor set with its comments and with the options that our own extensions add.

For what is made from the protos: the package for other agencies (beside this file) and the house rules (tests/house/protos).
Needs Debian's python3-protobuf.
"""
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

EXTENSIONS = ("civicmesh.options.v1.access", "civicmesh.options.v1.reason", "civicmesh.options.v1.topics", "google.api.http")


class Described:
    """`content`: a FileDescriptorSet with imports and source info, as protoc writes it."""

    def __init__(self, content):
        self.all = descriptor_pb2.FileDescriptorSet.FromString(content).file
        # Options are read with classes of a pool that knows our extensions.
        pool = descriptor_pool.DescriptorPool()
        for file in self.all:
            pool.Add(file)
        messages = message_factory.MessageFactory(pool).GetMessages([file.name for file in self.all])
        self._classes = {kind: messages[f"google.protobuf.{kind}Options"] for kind in ("File", "Method", "EnumValue")}
        self._extensions = {name: pool.FindExtensionByName(name) for name in EXTENSIONS}

    def option(self, kind, element, extension):
        """The value of our option on a file, a method or an enum value; None where it is not set."""
        options = self._classes[kind].FromString(element.options.SerializeToString())
        field = self._extensions[extension]
        if field.label == field.LABEL_REPEATED:
            return options.Extensions[field] or None
        return options.Extensions[field] if options.HasExtension(field) else None

    def bindings(self, method):
        """Its addresses of HTTP: (verb, template, body), the main one first."""
        rule = self.option("Method", method, "google.api.http")
        for one in [rule, *rule.additional_bindings] if rule is not None else []:
            verb = one.WhichOneof("pattern")
            yield verb.upper(), getattr(one, verb), one.body

    def posts(self, method):
        """Who may call it: the names of the posts without their prefix, and "anonymous" where no token is needed; with each how
        far it reaches, as "own"."""
        may = self.option("Method", method, "civicmesh.options.v1.access")
        if may is None:
            return {}
        right = may.DESCRIPTOR.fields_by_name["rights"].message_type.fields_by_name
        names, scopes = (right[name].enum_type.values_by_number for name in ("roles", "scope"))
        posts = {names[role].name.removeprefix("ROLE_"): scopes[right.scope].name.removeprefix("SCOPE_").lower()
                 for right in may.rights for role in right.roles}
        return {**posts, **({"anonymous": "any"} if may.anonymous else {})}


def comments(file):
    """The comment of each element that has one, by its path as source info counts it: one line, as it was written."""
    return {tuple(place.path): " ".join(text.split()) for place in file.source_code_info.location
            if (text := place.leading_comments.strip() or place.trailing_comments.strip())}


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
