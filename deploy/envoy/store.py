"""The way to the object store, where there is one: forms go in and what a link names comes out. Both are signed, so no token
is asked for. Nothing else of the store is reachable, whatever a signature says.

  POST /civicmesh-incoming                                                   a form (multipart/form-data), to the cluster uploads
  GET, HEAD /civicmesh-media/{upload}/photo.jpg, thumbnail.jpg, voice.ogg    with the query of a signed link, to objects

The header Host passes as it is, because a link's signature covers it.
"""
import json

from limits import seconds
from names import HTTP, JWT, KIND, LUA, OURS, TRANSCODER, TYPE
from replies import status_of

UPLOADS, OBJECTS = "uploads", "objects"
FORM = "/civicmesh-incoming"
OBJECT = r"/civicmesh-media/[a-z0-9-]+/(photo\.jpg|thumbnail\.jpg|voice\.ogg)"
# Of the path with its query: links have these parameters, and no other one may ask for something else of the store.
LINK = r"[^?]*\?(X-Amz-(Algorithm|Credential|Date|Expires|SignedHeaders|Signature)=[A-Za-z0-9%._~-]+(&|$))+"
NEEDED = ("X-Amz-Credential", "X-Amz-Date", "X-Amz-SignedHeaders", "X-Amz-Signature")
BODY_LIMIT = "envoy.filters.http.body_size_limit"
UPLOAD_LIMIT = f"{BODY_LIMIT}.uploads"
# What a browser makes of it where somebody opens the link itself: no script, no other page, no other type.
SAFE = {"x-content-type-options": "nosniff", "content-security-policy": "default-src 'none'; sandbox"}
# What the store says of itself, and what only the door says: who may read an answer, where to go.
INNER = ("x-amz-request-id", "x-amz-id-2", "seaweed-x-amz-etag", "seaweed-x-amz-owner", "x-amz-meta-owner", "location",
         "access-control-allow-origin", "access-control-allow-credentials", "access-control-expose-headers",
         "access-control-allow-methods", "access-control-allow-headers", "access-control-max-age")
# By status of the store: the runtime's reason for it.
REASONS = {400: "REASON_INVALID_ARGUMENT", 403: "REASON_PERMISSION_DENIED", 404: "REASON_NOT_FOUND", 405: "REASON_NOT_FOUND",
           413: "REASON_TOO_LARGE", 429: "REASON_OVERLOADED", 500: "REASON_UNKNOWN_OUTCOME", 503: "REASON_UNKNOWN_OUTCOME"}


def store_routes(protos, limits):
    explain = {LUA: {"@type": f"{TYPE}.config.route.v3.FilterConfig", "config": {
        "@type": f"{HTTP}.lua.v3.LuaPerRoute", "source_code": {"inline_string": explain_refusals(protos.reasons(), limits)}}}}
    cached = {**SAFE, "cache-control": f"private, max-age={limits.link_cached}"}
    upload = _route("objects: upload", UPLOADS, "upload", SAFE, {
        "timeout": seconds(limits.upload_answer), "idle_timeout": seconds(limits.upload_silence)}, {
        **explain, BODY_LIMIT: _switch(False), UPLOAD_LIMIT: _switch(True)})
    # Compared with its query: "?delete" would be another call of the store.
    upload["match"] = {"path": FORM, "headers": [_is(":method", exact="POST"), _is(":path", exact=FORM),
                                                 _is("content-type", prefix="multipart/form-data;")]}
    link = _route("objects: link", OBJECTS, "link", cached, {"timeout": seconds(limits.answer)}, explain)
    link["match"] = {"safe_regex": {"regex": OBJECT}, "headers": [
        _is(":method", safe_regex={"regex": "GET|HEAD"}), _is(":path", safe_regex={"regex": LINK})], "query_parameters": [
        *({"name": name, "present_match": True} for name in NEEDED),
        {"name": "X-Amz-Algorithm", "string_match": {"exact": "AWS4-HMAC-SHA256"}},
        # Below three hours, whatever is signed.
        {"name": "X-Amz-Expires", "string_match": {"safe_regex": {"regex": "[0-9]{1,4}"}}}]}
    return [upload, link]


def store_clusters(place, limits):
    """Two, so that uploads that come slowly leave room for who looks at pictures."""
    return [_cluster(UPLOADS, place.objects, limits, limits.uploads_at_once), _cluster(OBJECTS, place.objects, limits, limits.links_at_once)]


def limit_uploads(limits):
    """For the route of uploads alone, instead of the usual one."""
    return {"name": UPLOAD_LIMIT, "disabled": True, "typed_config": {
        "@type": f"{HTTP}.body_size_limit.v3.BodySizeLimit", "max_request_bytes": limits.upload_bytes}}


def explain_refusals(reasons, limits):
    """A program for the filter for Lua: what the store refuses in XML reads as any refusal, and is kept by no cache."""
    texts = {status: status_of(reason, reasons[reason], reasons[reason].en, limits.retry_after) for status, reason in REASONS.items()}
    answers = "\n".join(f"  [{status}] = [==[{json.dumps(text, ensure_ascii=False)}]==]," for status, text in texts.items())
    return f"""
local answers = {{
{answers}
}}
function envoy_on_response(handle)
  local headers = handle:headers()
  local status = tonumber(headers:get(":status"))
  if status < 400 then return end
  headers:replace("cache-control", "no-store")
  headers:replace("content-type", "application/json")
  local body = handle:body()
  if body == nil then return end
  headers = handle:headers()  -- those of before do not outlive the wait for the body
  if status == 400 and string.find(body:getBytes(0, body:length()), "<Code>EntityTooLarge</Code>", 1, true) then
    status = 413
    headers:replace(":status", "413")
  end
  headers:replace("content-length", body:setBytes(answers[status] or answers[status < 500 and 400 or 500]))
end"""


def _route(name, cluster, kind, headers, route, filters):
    return {
        "name": name,
        "metadata": {"filter_metadata": {OURS: {KIND: kind}}},
        "route": {"cluster": cluster, **route},
        # Only the form or the link says who comes, and to which name they came.
        "request_headers_to_remove": ["authorization", "cookie", "x-forwarded-host", "x-forwarded-port", "x-forwarded-prefix"],
        "response_headers_to_remove": list(INNER),
        "response_headers_to_add": [{"header": {"key": key, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
                                    for key, value in headers.items()],
        "typed_per_filter_config": {JWT: {"@type": f"{HTTP}.jwt_authn.v3.PerRouteConfig", "disabled": True}, TRANSCODER: _switch(False), **filters},
    }


def _switch(on):
    return {"@type": f"{TYPE}.config.route.v3.FilterConfig", **({"config": {}} if on else {"disabled": True})}


def _is(name, **how):
    return {"name": name, "string_match": how, "treat_missing_header_as_empty": True}


def _cluster(name, socket, limits, at_once):
    return {
        "name": name,
        "type": "STATIC",
        "connect_timeout": seconds(limits.connect),
        "per_connection_buffer_limit_bytes": limits.buffer_bytes,
        "circuit_breakers": {"thresholds": [{"max_connections": at_once, "max_pending_requests": at_once, "max_requests": at_once}]},
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [{"endpoint": {"address": {"pipe": {"path": socket}}}}]}]},
    }
