"""What the door itself answers reads as what a service answers: google.rpc.Status with ErrorInfo, in JSON, and over gRPC in
grpc-status-details-bin."""
import base64

from google.protobuf import json_format

from names import GRPC

# By HTTP status: the runtime's reason for it, and whether Envoy's own words help the caller.
BY_STATUS = [
    (400, "REASON_INVALID_ARGUMENT", True),
    (401, "REASON_UNAUTHENTICATED", True),
    (403, "REASON_UNAUTHENTICATED", False),  # a token for somebody else, or two of them: 401 as from a service
    (404, "REASON_NOT_FOUND", True),
    (413, "REASON_TOO_LARGE", False),
    (429, "REASON_OVERLOADED", False),
    (431, "REASON_TOO_LARGE", False),
    (501, "REASON_INVALID_ARGUMENT", True),  # encodings that we do not read
    (502, "REASON_UNKNOWN_OUTCOME", False),
    (503, "REASON_UNKNOWN_OUTCOME", False),
    (504, "REASON_UNKNOWN_OUTCOME", False),
]
# What gRPC calls otherwise than the reason does: a method that is not there, or is not served in such a way (UNIMPLEMENTED).
GRPC_CODES = {404: 12}
# Before the status, by Envoy's own word for why: certainly nothing was handed on, so it is no unknown outcome.
FULL = """response.code_details in ["overload", "upstream_reset_before_response_started{overflow}"]"""
UPGRADE = """response.code_details == "upgrade_failed\""""
OPEN311 = "/open311/.*"
OPEN311_XML = r"/open311/[^?]*\.xml(\?.*)?"
OPEN311_OTHER_FORMAT = r"/open311/v2/(discovery|services|requests)(\.[^/?]*)?(\?.*)?"
OPEN311_WORDS = "请求未被受理：地址或格式不对，或过于频繁，或服务暂不可用。Not taken: a wrong address or format, too often, or not available now."
ANY = "type.googleapis.com/google.rpc"


def local_replies(protos, retry_after):
    reasons = protos.reasons()
    again = [("retry-after", str(retry_after))]

    def both(which, reason, words=False, status=None, grpc_code=None, more=()):
        """For who reads JSON (with Envoy's own words where they help) and for who speaks gRPC."""
        told = lambda extra="": status_of(reason, reasons[reason], reasons[reason].en + extra, retry_after)
        in_json = {"filter": _all([which, _NO_GRPC]), **_with(more, status), "body_format_override": {
            "content_type": "application/json", "json_format": told(": %LOCAL_REPLY_BODY%" if words else "")}}
        return [in_json, {"filter": which, **_over_grpc(protos, told() | ({"code": grpc_code} if grpc_code else {}), more)}]

    mappers = both(_why(FULL), "REASON_OVERLOADED", status=429, more=again)
    mappers += both(_why(UPGRADE), "REASON_INVALID_ARGUMENT", status=400)
    for status, reason, words in BY_STATUS:
        mappers += both(_status("EQ", status), reason, words, status=401 if status == 403 else None, grpc_code=GRPC_CODES.get(status))
    mappers += both(_status("GE", 500), "REASON_INTERNAL")
    mappers += both(_status("GE", 400), "REASON_INVALID_ARGUMENT")
    return {"mappers": [*_open311(again), *mappers]}


def _with(headers, status=None):
    added = [{"header": {"key": key, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"} for key, value in headers]
    return {**({"status_code": status} if status else {}), **({"headers_to_add": added} if added else {})}


def _over_grpc(protos, told, more):
    """All in headers, without a body: the end of a call over gRPC, and over gRPC-Web too, which Envoy would otherwise give the
    status of HTTP and a code of its own choice. Libraries compare code and message with those of the details, so Envoy's words,
    which nobody knows before, are not told."""
    details = json_format.ParseDict(told, protos.message("google.rpc.Status"), descriptor_pool=protos.pool)
    return {**_with([("grpc-status", str(told["code"])), ("grpc-message", told["message"]),
                     ("grpc-status-details-bin", base64.b64encode(details.SerializeToString()).decode()), *more], 200),
            "body_format_override": {"text_format_source": {"inline_string": ""}}}


def _open311(again):
    """Below its path the errors of GeoReport v2, in the format asked for. A format that nobody speaks is a wrong request."""
    xml = ("text/xml; charset=utf-8", '<?xml version="1.0" encoding="utf-8"?><errors><error><code>%RESPONSE_CODE%</code>'
           f"<description>{OPEN311_WORDS}</description></error></errors>")
    json = ("application/json; charset=utf-8", f'[{{"code":%RESPONSE_CODE%,"description":"{OPEN311_WORDS}"}}]')
    mappers = []
    for which, change in ((_why(FULL), _with(again, 429)), (_all([_status("EQ", 404), _below(OPEN311_OTHER_FORMAT)]), {"status_code": 400}),
                          (_status("GE", 400), {})):
        for path, (content_type, text) in ((OPEN311_XML, xml), (OPEN311, json)):
            mappers.append({"filter": _all([which, _below(path), _NO_GRPC]), **change, "body_format_override": {
                "content_type": content_type, "text_format_source": {"inline_string": text}}})
    return mappers


def _all(filters):
    return {"and_filter": {"filters": filters}}


def _below(regex):
    """The path as the client sent it."""
    header = lambda name: {"header_filter": {"header": {"name": name, "string_match": {"safe_regex": {"regex": regex}}}}}
    return {"or_filter": {"filters": [header(":path"), header("x-envoy-original-path")]}}


def _why(expression):
    return {"extension_filter": {"name": "envoy.access_loggers.extension_filters.cel", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter", "expression": expression}}}


def _status(compare, status):
    return {"status_code_filter": {"comparison": {
        "op": compare, "value": {"default_value": status, "runtime_key": f"door.local_reply_{status}"}}}}


def status_of(reason, text, message, retry_after):
    """google.rpc.Status of one of the runtime's reasons."""
    details = [{"@type": f"{ANY}.ErrorInfo", "reason": reason, "domain": "runtime", "metadata": {}}]
    if reason == "REASON_OVERLOADED":
        details.append({"@type": f"{ANY}.RetryInfo", "retry_delay": f"{retry_after}s"})
    details += [{"@type": f"{ANY}.LocalizedMessage", "locale": locale, "message": message}
                for locale, message in (("zh-CN", text.zh), ("en", text.en))]
    return {"code": text.code, "message": message, "details": details}


# A transcoded request looks like gRPC by then, but for its original path.
_NO_GRPC = {"or_filter": {"filters": [
    {"header_filter": {"header": {"name": "content-type", "string_match": {"safe_regex": {"regex": rf"{GRPC}(\+.*)?"}},
                                  "invert_match": True, "treat_missing_header_as_empty": True}}},
    {"header_filter": {"header": {"name": "x-envoy-original-path", "present_match": True}}}]}}
