"""The house rules that protos can be asked about, each a function from descriptors to what is wrong."""
import re

import descriptors  # noqa: F401  (puts described.py on the path)
from described import comments, enums_of, messages_of

TIMESTAMP = ".google.protobuf.Timestamp"


def commented(protos):
    """Every element is explained.

    Files, messages, enums, services and methods by a comment of their own. A value by its comment, or by the texts of its
    reason; the unset value of an enum needs none. A field by its comment, by that of a field of the same name in its
    package (a term is explained once), or by its type's; a Timestamp called ..._at says it by its name. A oneof by its
    message's.
    """
    explained_types, explained_terms = set(), set()
    for file in protos.files.values():
        there = comments(file)
        for found in (messages_of(file), enums_of(file)):
            explained_types |= {f".{file.package}.{name}" for name, path, _ in found if path in there}
        for _, path, message in messages_of(file):
            explained_terms |= {(file.package, field.name) for index, field in enumerate(message.field) if path + (2, index) in there}
    for file in protos.files.values():
        yield from _commented(protos, file, explained_types, explained_terms)


def _commented(protos, file, explained_types, explained_terms):
    there = comments(file)
    if not any(place.path == [12] and (place.leading_detached_comments or place.leading_comments.strip())
               for place in file.source_code_info.location):
        yield f"{file.name}: does not begin with what it is"
    for name, path, message in messages_of(file):
        if path not in there:
            yield f"{file.name}: message {name}"
        for index, field in enumerate(message.field):
            explained = (path + (2, index) in there or (file.package, field.name) in explained_terms
                         or field.type_name in explained_types
                         or (field.type_name == TIMESTAMP and field.name.endswith("_at")))
            if not explained:
                yield f"{file.name}: field {name}.{field.name}"
    for name, path, enum in enums_of(file):
        if path not in there:
            yield f"{file.name}: enum {name}"
        for index, value in enumerate(enum.value):
            explained = (value.number == 0 or path + (2, index) in there
                         or protos.option("EnumValue", value, "civicmesh.options.v1.reason"))
            if not explained:
                yield f"{file.name}: value {value.name}"
    for index, service in enumerate(file.service):
        if (6, index) not in there:
            yield f"{file.name}: service {service.name}"
        for at, method in enumerate(service.method):
            if (6, index, 2, at) not in there:
                yield f"{file.name}: method {service.name}.{method.name}"


def access(protos):
    """Every method says who may call it, and by which address of HTTP it is reached."""
    for file in protos.files.values():
        for service in file.service:
            for method in service.method:
                may = protos.option("Method", method, "civicmesh.options.v1.access")
                if may is None or not (may.anonymous or may.rights):
                    yield f"{file.name}: {service.name}.{method.name} does not say who may call it"
                for right in may.rights if may is not None else ():
                    if 0 in right.roles or not right.roles:
                        yield f"{file.name}: {service.name}.{method.name} names no post by ROLE_UNSPECIFIED"
                    if right.scope == 0:
                        yield f"{file.name}: {service.name}.{method.name} does not say how far a right reaches"
                if protos.option("Method", method, "google.api.http") is None:
                    yield f"{file.name}: {service.name}.{method.name} has no google.api.http"


# Open311 answers in its own documents; what stands in its fields its own test tries.
OTHER_ANSWERS = {"civicmesh.intake.v1.Open311Service"}


def untried(protos, tests):
    """The services of which no test names who may call (access_for_tests.h) and what may stand in the fields
    (fields_for_tests.h). Not a rule of protos alone: it reads the tests."""
    for file in protos.files.values():
        for service in file.service:
            name = f"{file.package}.{service.name}"
            for trial, what in (("Posts", "who may call"), ("Fields", "what may stand in the fields of")):
                if trial == "Fields" and name in OTHER_ANSWERS:
                    continue
                if not any(re.search(rf'WrongAnswersTo{trial}\((?:[^"]|"(?!civicmesh))*"{name}"', test) for test in tests):
                    yield f"{file.name}: no test tries {what} {service.name}"


def own_requests(protos):
    """Each method has a request of its own, defined in its file: the runtime finds the method by it. google.api.HttpBody,
    which many share, is told apart by the handler."""
    for file in protos.files.values():
        mine = {f".{file.package}.{message.name}" for message in file.message_type}
        taken = {}
        for service in file.service:
            for method in service.method:
                if method.input_type == ".google.api.HttpBody":
                    continue
                if method.input_type not in mine:
                    yield f"{file.name}: {service.name}.{method.name} takes a message of another file"
                other = taken.setdefault(method.input_type, method.name)
                if other != method.name:
                    yield f"{file.name}: {method.name} and {other} take the same message"


def reasons(protos):
    """Every reason of a refusal has a code and says in Chinese and English what happened."""
    for file in protos.files.values():
        for name, _, enum in enums_of(file):
            if name != "Reason":
                continue
            for value in enum.value:
                text = protos.option("EnumValue", value, "civicmesh.options.v1.reason")
                if value.number != 0 and not (text and text.code and text.zh and text.en):
                    yield f"{file.name}: {value.name} has no code or lacks a text"


def places(protos):
    """A file lies in the folder of its package, and an enum's values carry the enum's name."""
    for file in protos.files.values():
        if file.package.replace(".", "/") != file.name.rsplit("/", 1)[0]:
            yield f"{file.name}: package {file.package}"
        for name, _, enum in enums_of(file):
            prefix = "".join("_" + c if c.isupper() and i else c for i, c in enumerate(name.rsplit(".", 1)[-1])).upper() + "_"
            for value in enum.value:
                if not value.name.startswith(prefix):
                    yield f"{file.name}: {value.name} does not begin with {prefix}"


RULES = [commented, access, own_requests, reasons, places]
