"""What may not change any more, one line per element: what journals, event topics and the reference topic may already hold
(a release that removes, renumbers, retypes or renames it would read old records wrongly, or not at all), and what clients
of a v1 API may already rely on.

accepted.txt is that list: a name, which facet of it, and what stands there.

  5              a field or enum value, by its number
  5.code         the canonical code of a reason
  5.says         the comment of a request's field: what a client has to send
  file           where a client includes a message or enum from
  reserved.5     a number, or a name, that is never used again
  signature      what a method takes and returns
  GET:/v1/…      an address of HTTP, and which field its body is
  may.CITIZEN    a post that may call a method, and how far it reaches; may.anonymous: nobody needs a token

What is new may come at any time and is taken over by tests/house/protos/accept. What is gone or reads otherwise is a break
(broken). Two things are none by themselves, but have to be meant (meant).
"""
import pathlib
import re

import descriptors  # noqa: F401  (puts described.py on the path)
from described import comments, enums_of, messages_of

FILE = pathlib.Path(__file__).resolve().parent / "accepted.txt"
# What is kept for ever, and with it every message that it holds.
_KEPT = re.compile(r"(_journal|_events|/log|/reference)\.proto$")
# What no client includes.
_PRIVATE = re.compile(r"(_journal|/log|/reference)\.proto$")
_LABEL = {1: "", 2: "required ", 3: "repeated "}
_TYPES = {1: "double", 2: "float", 3: "int64", 4: "uint64", 5: "int32", 6: "fixed64", 7: "fixed32", 8: "bool", 9: "string",
          12: "bytes", 13: "uint32", 15: "sfixed32", 16: "sfixed64", 17: "sint32", 18: "sint64"}


def elements(protos):
    """{(name, facet): "what stands there"} of everything that is kept or can be called."""
    types, wanted, found = _types(protos), [], {}
    for file in protos.files.values():
        if _KEPT.search(file.name):
            wanted += [f"{file.package}.{name}" for name, _, _ in messages_of(file)]
        wanted += [f"{file.package}.{name}" for name, _, _ in enums_of(file) if name == "Reason"]
        for service in file.service:
            for method in service.method:
                found.update(_method(protos, f"{file.package}.{service.name}.{method.name}", method))
                wanted += [method.input_type[1:], method.output_type[1:]]
                found.update(_says(types, method.input_type[1:]))
    seen = set()
    while wanted:
        name = wanted.pop()
        if name in seen or name.startswith("google."):
            continue
        seen.add(name)
        file, _, element = types[name]
        if not _PRIVATE.search(file.name):
            found[name, "file"] = file.name
        if hasattr(element, "value"):
            found.update(_enum(protos, name, element))
        else:
            wanted += [field.type_name[1:] for field in element.field if field.type_name]
            found.update(_message(name, element))
    return found


def _types(protos):
    """Every message, map entries too, and enum by its full name: (file, path, element)."""
    found = {}
    for file in protos.all:
        for name, path, element in [*messages_of(file), *enums_of(file)]:
            found[f"{file.package}.{name}"] = (file, path, element)
            for nested in getattr(element, "nested_type", []):
                found.setdefault(f"{file.package}.{name}.{nested.name}", (file, (), nested))
    return found


def _method(protos, name, method):
    streams = ("stream " if method.client_streaming else "", "stream " if method.server_streaming else "")
    yield (name, "signature"), f"{streams[0]}{method.input_type[1:]} returns {streams[1]}{method.output_type[1:]}"
    for verb, template, body in protos.bindings(method):
        yield (name, f"{verb}:{template}"), f"body {body or 'none'}"
    for post, scope in protos.posts(method).items():
        yield (name, f"may.{post}"), scope


def _says(types, request):
    file, path, message = types[request]
    there = comments(file)
    for index, field in enumerate(message.field):
        if says := there.get(path + (2, index)):
            yield (request, f"{field.number}.says"), says


def _message(name, message):
    for field in message.field:
        oneof = f" in {message.oneof_decl[field.oneof_index].name}" if field.HasField("oneof_index") else ""
        json = f" as {field.json_name}" if field.json_name != _json_name(field.name) else ""
        yield (name, str(field.number)), (f"{field.name}: {_LABEL[field.label]}"
                                          f"{_TYPES.get(field.type, field.type_name[1:])}{oneof}{json}")
    yield from _reserved(name, message, last=0)


def _json_name(name):
    return re.sub(r"_+(\w?)", lambda found: found[1].upper(), name)


def _enum(protos, name, enum):
    for value in enum.value:
        yield (name, str(value.number)), value.name
        reason = protos.option("EnumValue", value, "civicmesh.options.v1.reason")
        if reason is not None:
            codes = reason.DESCRIPTOR.fields_by_name["code"].enum_type.values_by_number
            yield (name, f"{value.number}.code"), codes[reason.code].name
    yield from _reserved(name, enum, last=1)


def _reserved(name, element, last):
    """`last`: 1 where the end of a range belongs to it, as of an enum's."""
    numbers = [number for one in element.reserved_range for number in range(one.start, min(one.end + last, one.start + 1000))]
    for what in [*numbers, *element.reserved_name]:
        yield (name, f"reserved.{what}"), "for ever"


def _order(element):
    (name, facet), _ = element
    number = facet.split(".")[0]
    return name, (0, int(number), facet) if number.isdigit() else (1, 0, facet)


def write(found):
    return "".join(f"{name} {facet} {what}\n" for (name, facet), what in sorted(found.items(), key=_order))


def read(text):
    lines = (line.split(" ", 2) for line in text.splitlines() if line)
    return {(name, facet): what for name, facet, what in lines}


# What to do about a break, by the facet.
_INSTEAD = [
    (r"\d+$", "old records and clients have it: put it back (it may be deprecated); a shape without it is a new package v2. "
              "Only where no release ever had it: reserve its number and name"),
    (r"\d+\.code$", "clients act by the code: give the new case a reason of its own"),
    (r"file$", "clients include it from there: move it back"),
    (r"reserved\.", "a number or name once given up is never used again: reserve it, take the next one"),
    (r"signature$", "clients call it: put it back, and make a method of another name, or a new package v2"),
    (r"may\.", "clients with that post call it: narrow it in a method of another name or a new package v2. Where it must be "
               "narrowed at once, take the line out of accepted.txt in a commit that says why"),
    (r"", "clients use this address: put it back, and add the other one to additional_bindings"),
]


def broken(accepted, now):
    """By what old records would be read wrongly or a client of v1 would fail, and what to do."""
    names = {name for name, _ in now}
    told = set()
    for (name, facet), what in sorted(accepted.items(), key=_order):
        if facet.endswith(".says") or now.get((name, facet)) == what:
            continue
        instead = next(text for pattern, text in _INSTEAD if re.match(pattern, facet))
        if (name, facet) in now:
            yield f"{name} {facet} was {what}, is {now[name, facet]}: {instead}"
        elif name in names:
            yield f"{name} {facet} ({what}) is gone: {instead}"
        elif name not in told:  # once, and not by each of its facets
            told.add(name)
            yield f"{name} is gone: old records and clients have it: put it back; what is without it is a new package v2"


def meant(accepted, now):
    """What breaks nobody by its form, but has to be meant: a request's field explained otherwise, a new one that old clients
    would have to send, a method that more may call than before."""
    for (name, facet), what in sorted(accepted.items(), key=_order):
        if facet.endswith(".says") and (name, facet.split(".")[0]) in now and now.get((name, facet)) != what:
            yield f'{name} {facet} was "{what}", is "{now.get((name, facet), "")}": less than before is a new package v2'
    for name, facet in sorted(set(now) - set(accepted)):
        if facet.startswith("may.") and (name, "signature") in accepted:
            yield f"{name} {facet}: more may call it than before"
        if facet.endswith(".says") and (name, "file") in accepted and "require" in now[name, facet].lower():
            yield f'{name} {facet} is "{now[name, facet]}": old clients do not send it; what fails without it is a new package v2'
