#!/usr/bin/python3 -B
"""Writes the API reference, one Markdown file per package, from the comments of the protos:

  reference.py SET_IN WHOLE_SET_IN FOLDER_OUT

The whole set has the private protos too: the reasons of a domain's refusals stand with its journal, and reach clients by name.

Our own, because what an agency asks first stands in our own options, which protoc-gen-doc cannot print: who may call a
method, and the code and the words of each reason.
"""
import pathlib
import sys

from described import Described, comments, enums_of, messages_of
from service_config import policy

_SCALARS = {1: "double", 2: "float", 3: "int64", 4: "uint64", 5: "int32", 6: "fixed64", 7: "fixed32", 8: "bool", 9: "string",
            12: "bytes", 13: "uint32", 15: "sfixed32", 16: "sfixed64", 17: "sint32", 18: "sint64"}


class Reference:
    """The pages of a descriptor set: `pages` by file name. `whole`: the set with what is not public."""

    def __init__(self, described, whole):
        self._described = described
        public = {file.name for file in described.all}
        self._private = [file for file in whole.all if file.name not in public]
        ours = [file for file in described.all if file.package.startswith("civicmesh.")]
        self._files = sorted(ours, key=lambda file: (file.package, not file.service, file.name))
        self._types = {f".{file.package}.{name}": (file, name, element)
                       for file in described.all for name, _, element in [*messages_of(file), *enums_of(file)]}
        self._terms = self._explained_terms()
        packages = sorted({file.package for file in self._files})
        self.pages = {_page(package): "\n".join(self._package(package)) + "\n" for package in packages}
        self.pages["README.md"] = "\n".join(self._index(packages)) + "\n"

    def _explained_terms(self):
        """A term is explained once per package: what its fields without a comment of their own mean, where all that have one
        say the same. (package, field name, type) -> the comments."""
        terms = {}
        for file in self._files:
            there = comments(file)
            for _, path, message in messages_of(file):
                for index, field in enumerate(message.field):
                    if says := there.get(path + (2, index)):
                        terms.setdefault((file.package, field.name, field.type), set()).add(says)
        return terms

    def _index(self, packages):
        yield "# API reference\n"
        yield from (f"- [{package}]({_page(package)})" for package in packages)
        yield "\n| method | HTTP | who may call |\n|---|---|---|"
        for file in self._files:
            for service in file.service:
                for method in service.method:
                    http = ", ".join(f"`{verb} {template}`" for verb, template, _ in self._described.bindings(method))
                    name = f"{service.name}.{method.name}"
                    yield f"| [{name}]({_page(file.package)}#{name}) | {http} | {self._who(method)} |"

    def _package(self, package):
        yield f"# {package}\n"
        for file in (file for file in self._files if file.package == package):
            there = comments(file)
            yield f"## {file.name}\n\n{_says(_head(file))}\n"
            for index, service in enumerate(file.service):
                yield f"### {service.name}\n\n{_says(there.get((6, index)))}\n"
                for at, method in enumerate(service.method):
                    yield from self._method(file, service, method, there.get((6, index, 2, at)))
            for name, path, message in messages_of(file):
                yield from self._message(file, there, name, path, message)
            for name, path, enum in enums_of(file):
                yield from self._enum(there, name, path, enum)
        for file in (file for file in self._private if file.package == package):
            for name, path, enum in enums_of(file):
                if name == "Reason":
                    yield from self._enum(comments(file), name, path, enum)

    def _method(self, file, service, method, says):
        _, _, request = self._types[method.input_type]
        how = policy(self._described, service.name, method, request)
        name = f"{service.name}.{method.name}"
        yield f'<a id="{name}"></a>\n#### {name}\n\n{_says(says)}\n'
        for verb, template, body in self._described.bindings(method):
            yield f"- `{verb} {template}`" + (f", body: `{body}`" if body else "")
        yield f"- gRPC `{file.package}.{service.name}/{method.name}`"
        yield f"- who may call: {self._who(method)}"
        yield f"- takes {self._link(file, method.input_type)}, gives {self._link(file, method.output_type)}"
        yield f"- deadline {how['timeout']}, at most {how['retryPolicy']['maxAttempts']} attempts\n"

    def _who(self, method):
        posts = self._described.posts(method)
        roles = ", ".join(f"{post} ({scope})" for post, scope in posts.items() if post != "anonymous")
        return roles + ("; " if roles else "") + "also without a token" if "anonymous" in posts else roles

    def _message(self, file, there, name, path, message):
        yield f'<a id="{name}"></a>\n### {name}\n\n{_says(there.get(path))}\n'
        if message.field:
            yield "| # | field | type | |\n|---|---|---|---|"
        for index, field in enumerate(message.field):
            term = self._terms.get((file.package, field.name, field.type), ())
            says = there.get(path + (2, index)) or (next(iter(term)) if len(term) == 1 else "")
            if field.HasField("oneof_index") and not field.proto3_optional:
                says = f"One of {message.oneof_decl[field.oneof_index].name}. {says}"
            yield f"| {field.number} | `{field.name}` | {self._type(file, field)} | {_says(says)} |"
        yield ""

    def _type(self, file, field):
        if field.type_name in self._types:
            what = self._link(file, field.type_name)
        elif field.type_name:  # the entry of a map
            key, value = self._entry(field.type_name).field
            return f"map of {self._type(file, key)} to {self._type(file, value)}"
        else:
            what = _SCALARS[field.type]
        return ("repeated " if field.label == field.LABEL_REPEATED else "optional " if field.proto3_optional else "") + what

    def _entry(self, type_name):
        message, _, entry = type_name.rpartition(".")
        return next(nested for nested in self._types[message][2].nested_type if nested.name == entry)

    def _link(self, file, type_name):
        other, name, _ = self._types[type_name]
        if other not in self._files:
            return f"`{type_name[1:]}`"
        return f"[{name}]({'' if other.package == file.package else _page(other.package)}#{name})"

    def _enum(self, there, name, path, enum):
        yield f'<a id="{name}"></a>\n### {name}\n\n{_says(there.get(path))}\n'
        reasons = name == "Reason"
        yield "| # | value | code | |\n|---|---|---|---|" if reasons else "| # | value | |\n|---|---|---|"
        for index, value in enumerate(enum.value):
            says = there.get(path + (2, index))
            code = ""
            if text := self._described.option("EnumValue", value, "civicmesh.options.v1.reason"):
                names = text.DESCRIPTOR.fields_by_name["code"].enum_type.values_by_number
                code, says = names[text.code].name, f"{says or ''} “{text.zh}” “{text.en}”"
            yield f"| {value.number} | `{value.name}` | " + (f"{code} | " if reasons else "") + f"{_says(says)} |"
        yield ""


def _page(package):
    """"civicmesh.intake.v1" is intake.md; a later version has its own."""
    name, version = package.split(".")[1:]
    return f"{name}.md" if version == "v1" else f"{name}.{version}.md"


def _head(file):
    """What a file says of itself: the comment above its syntax."""
    place = next(place for place in file.source_code_info.location if place.path == [12])
    return " ".join(" ".join([*place.leading_detached_comments, place.leading_comments]).split())


def _says(text):
    return (text or "").strip().replace("|", "\\|").replace("<", "&lt;")


def main():
    read, whole, folder = map(pathlib.Path, sys.argv[1:])
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in Reference(Described(read.read_bytes()), Described(whole.read_bytes())).pages.items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
