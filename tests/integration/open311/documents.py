"""Documents of GeoReport v2 against our schemas of them (schemas/), in both formats; and that both say the same."""
import json
import pathlib

import jsonschema
from lxml import etree

SCHEMAS = pathlib.Path(__file__).parent / "schemas"
# By kind: the outermost element of its XML.
ROOTS = {"services": "services", "service_definition": "service_definition", "requests": "service_requests",
         "posted": "service_requests", "token": "service_requests", "errors": "errors", "discovery": "discovery"}
TYPES = {"xml": "text/xml; charset=utf-8", "json": "application/json; charset=utf-8"}
_XSD = etree.XMLSchema(etree.parse(SCHEMAS / "georeport.xsd"))
_JSON = json.loads((SCHEMAS / "georeport.json").read_text(encoding="utf-8"))


def wrong_with(kind, form, body):
    """Why `body`, bytes in the format `form`, is no document of that kind; "" where it is one."""
    if form == "json":
        try:
            jsonschema.validate(json.loads(body), _JSON[kind], cls=jsonschema.Draft202012Validator)
        except (ValueError, jsonschema.ValidationError) as error:
            return str(error)
        return ""
    if not body.startswith(b'<?xml version="1.0" encoding="utf-8"?>'):
        return "does not begin with its XML declaration"
    try:
        root = etree.fromstring(body)
        _XSD.assertValid(root)
    except (etree.XMLSyntaxError, etree.DocumentInvalid) as error:
        return str(error)
    if root.tag != ROOTS[kind]:
        return f"is {root.tag}"
    # What XML says of a kind is looser: the schema knows no kinds of requests.
    return wrong_with(kind, "json", json.dumps(as_json(kind, body)).encode())


def as_json(kind, xml):
    """By the Spark convention, as the JSON of the same answer."""
    lists = {"services", "service_requests", "errors", "attributes", "values", "endpoints", "formats"}
    numbers = {"lat": float, "long": float, "order": int, **({"code": int} if kind == "errors" else {})}

    def read(node):
        if node.tag in lists:
            return [read(child) for child in node]
        if len(node):
            return {child.tag: read(child) for child in node}
        if node.text is None:
            return None
        if node.tag in numbers:
            return numbers[node.tag](node.text)
        return {"true": True, "false": False}.get(node.text, node.text)

    return read(etree.fromstring(xml))
