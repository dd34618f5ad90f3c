"""What journals, event topics and the reference topic may already hold, one line per field and enum value: a release that
removes, renumbers, retypes or renames one of them would read old records wrongly (or not at all).

accepted.txt is that list. What is new may come at any time and is taken over by tests/house/protos/accept; what it names
may not change any more.
"""
import pathlib
import re

from descriptors import enums_of, messages_of

FILE = pathlib.Path(__file__).resolve().parent / "accepted.txt"
# What is kept for ever, and with it every message that it holds.
_KEPT = re.compile(r"(_journal|_events|/log|/reference)\.proto$")
_LABEL = {1: "", 2: "required ", 3: "repeated "}
_TYPES = {1: "double", 2: "float", 3: "int64", 4: "uint64", 5: "int32", 6: "fixed64", 7: "fixed32", 8: "bool", 9: "string",
          12: "bytes", 13: "uint32", 15: "sfixed32", 16: "sfixed64", 17: "sint32", 18: "sint64"}


def elements(protos):
    """{(message or enum, number): "what stands there"} of everything that is kept."""
    messages, enums, wanted = {}, {}, []
    for file in protos.all:
        for name, _, message in messages_of(file):
            messages[f"{file.package}.{name}"] = message
            for nested in message.nested_type:
                messages[f"{file.package}.{name}.{nested.name}"] = nested
            if file.name in protos.files and _KEPT.search(file.name):
                wanted.append(f"{file.package}.{name}")
        for name, _, enum in enums_of(file):
            enums[f"{file.package}.{name}"] = enum
    found, seen = {}, set()
    while wanted:
        name = wanted.pop()
        if name in seen or name.startswith("google."):
            continue
        seen.add(name)
        if name in enums:
            for value in enums[name].value:
                found[name, value.number] = value.name
            continue
        for field in messages[name].field:
            if field.type_name:
                wanted.append(field.type_name[1:])
            oneof = f" in {messages[name].oneof_decl[field.oneof_index].name}" if field.HasField("oneof_index") else ""
            found[name, field.number] = (f"{field.name}: {_LABEL[field.label]}"
                                         f"{_TYPES.get(field.type, field.type_name[1:])}{oneof}")
    return found


def write(found):
    return "".join(f"{name} {number} {what}\n" for (name, number), what in sorted(found.items()))


def read(text):
    lines = (line.split(" ", 2) for line in text.splitlines() if line)
    return {(name, int(number)): what for name, number, what in lines}


def broken(accepted, now):
    """What old records would be read wrongly by."""
    for (name, number), what in sorted(accepted.items()):
        if (name, number) not in now:
            yield f"{name} {number} ({what}) is gone"
        elif now[name, number] != what:
            yield f"{name} {number} was {what}, is {now[name, number]}"
