"""The hostile requests, made for the row that a server takes.

The right answers are those of docs/explanation/threat-model.md. A server that is right may be
stricter in one place (an empty row refused by the schema or by the parser), so some cases have more
than one right status; none has a 5xx.
"""

import json
from collections.abc import Iterator
from typing import Any

from playbill.attack.case import MARKER, Case
from playbill.attack.schema import Target

MEGABYTE = 1_000_000
BAD = frozenset({400})
WRONG = frozenset({422})
EITHER = frozenset({400, 422})
LARGE = frozenset({413})
FINE = frozenset({200})
GONE = frozenset({404, 405})
MOST_ROWS = 20_000  # of more a body is not made
SCORING = ("/predict", "/predict/batch")


def raw(target: Target, field: str, value: str) -> bytes:
    """Return the body of a row in which one field has raw JSON text."""
    parts = [
        f"{json.dumps(name)}:{value if name == field else json.dumps(own)}"
        for name, own in target.row.items()
    ]
    if field not in target.row:
        parts.append(f"{json.dumps(field)}:{value}")
    return f"{{{','.join(parts)}}}".encode("utf-8", "surrogatepass")


def cases(target: Target) -> list[Case]:
    """Return every case that is one request and one answer."""
    found = [*_bodies(), *_values(target), *_sizes(target), *_forms(target), *_paths(target)]
    return [*found, *_inference(target)]


def _bodies() -> Iterator[Case]:
    bodies: list[tuple[str, bytes, frozenset[int]]] = [
        ("empty", b"", WRONG),
        ("cut short", b'{"', WRONG),
        ("null", b"null", WRONG),
        ("array", b"[]", WRONG),
        ("text", b'"text"', WRONG),
        ("number", b"1", WRONG),
        ("single quotes", b"{'a': 1}", WRONG),
        ("two documents", b"{} {}", WRONG),
        ("comment", b"/* */ {}", WRONG),
        ("trailing comma", b'{"a":1,}', WRONG),
        ("echo", json.dumps({"a": MARKER})[:-1].encode(), WRONG),
        ("NUL bytes", b"\x00" * 100, WRONG),
        ("byte order mark", b"\xef\xbb\xbf{}", WRONG),
        ("UTF-16", "{}".encode("utf-16"), BAD),
        ("UTF-32", "{}".encode("utf-32"), BAD),
        ("not UTF-8", b'{"a":"\xff"}', BAD),
        ("overlong UTF-8", b'{"a":"\xc0\xaf"}', BAD),
        ("surrogate in UTF-8", b'{"a":"\xed\xa0\x80"}', BAD),
        ("lone surrogate", b'{"a":"\\ud800"}', WRONG),
        ("400 kB of [", b"[" * 400_000, BAD),
        ("100,000 objects inside each other", b'{"a":' * 100_000, BAD),
        ("33 arrays, closed", b"[" * 33 + b"]" * 33, BAD),
        ("5,000 digits", b"1" * 5000, WRONG),
        ("a megabyte of digits", b"1" * 900_000, WRONG),
        ("a number with a huge exponent", b"1e" + b"9" * 1000, WRONG),
        ("500 kB of spaces", b" " * 500_000, WRONG),
        ("a key of 500 kB", b'{"' + b"k" * 500_000 + b'":1}', WRONG),
        ("20,000 unknown keys", json.dumps({f"k{n}": 1 for n in range(20_000)}).encode(), WRONG),
        ("prototype", b'{"__proto__":{"a":1},"constructor":{}}', WRONG),
    ]
    for path in SCORING:
        for name, body, right in bodies:
            yield Case("body", f"{name} ({path})", right, body, path)


def _values(target: Target) -> Iterator[Case]:
    number = target.first("number")
    whole = target.first("integer")
    text = target.first("string", enum=False)
    choice = target.first("string", enum=True)
    switch = target.first("boolean")
    needed = next((name for name in target.row if name not in target.nullable), None)
    quoted = json.dumps(MARKER)
    table: list[tuple[str | None, str, str, frozenset[int]]] = [
        *((number, word, word, WRONG) for word in ("NaN", "Infinity", "-Infinity", "1e400")),
        *((number, f"text {word}", f'"{word}"', WRONG) for word in ("NaN", "1.5", "", "0x10")),
        (number, "true", "true", WRONG),
        (number, "array", "[1]", WRONG),
        (number, "object", "{}", WRONG),
        (whole, "a fraction", "1.5", WRONG),
        (whole, "NaN", "NaN", WRONG),
        (whole, "1e400", "1e400", WRONG),
        (whole, "text", '"1"', WRONG),
        (whole, "true", "true", WRONG),
        (whole, "beyond 64 bits", "9223372036854775808", WRONG),
        (whole, "400 digits", "1" * 400, WRONG),
        (whole, "5,000 digits", "1" * 5000, WRONG),
        (whole, "a marker", quoted, WRONG),
        (text, "a number", "5", WRONG),
        (text, "a lone surrogate", '"\\udfff"', WRONG),
        (text, "100,000 characters", json.dumps("x" * 100_000), WRONG),
        (text, "an object", "{}", WRONG),
        (choice, "an unknown category", quoted, WRONG),
        (choice, "a category with NUL", '"\\u0000"', WRONG),
        (switch, "text", '"true"', WRONG),
        (switch, "1", "1", WRONG),
        (needed, "null where it is not allowed", "null", WRONG),
        (f"x{MARKER}"[:1], "an unknown key", quoted, WRONG),
    ]
    for field, name, value, right in table:
        if field is not None:
            yield Case("value", f"{field[:20]}: {name}", right, raw(target, field, value))
    if needed is not None:
        left = {name: value for name, value in target.row.items() if name != needed}
        yield Case("value", f"{needed[:20]}: left out", WRONG, json.dumps(left).encode())
    yield from _taken(target, text)


def _taken(target: Target, text: str | None) -> Iterator[Case]:
    """Yield what is odd and right, so that a server that refuses everything does not pass."""
    row = json.dumps(target.row).encode()
    first = next(iter(target.row))
    twice = row.replace(b"{", b'{"%s": [[]], ' % first.encode(), 1)
    yield Case("taken", "the example", FINE, row)
    yield Case("taken", "of a key given twice the last counts", FINE, twice)
    yield Case("taken", "escaped keys", FINE, _escaped(target))
    batch = json.dumps({"rows": [target.row] * 3}).encode()
    yield Case("taken", "three rows", FINE, batch, "/predict/batch")
    if text is not None:
        odd = '"\\u0000\\r\\n\\u2028<script>\\ud83d\\ude00%s{}"'
        yield Case("taken", "control characters in a text", FINE, raw(target, text, odd))


def _escaped(target: Target) -> bytes:
    name, value = next(iter(target.row.items()))
    escaped = "".join(f"\\u{ord(letter):04x}" for letter in name)
    rest = {key: own for key, own in target.row.items() if key != name}
    return f'{{"{escaped}":{json.dumps(value)},{json.dumps(rest)[1:]}'.encode()


def _chunks(size: int) -> Iterator[bytes]:
    for _ in range(size // 65_536):
        yield b" " * 65_536


def _sizes(target: Target) -> Iterator[Case]:
    for path in SCORING:
        yield Case("size", f"20 MB, declared ({path})", LARGE, b" " * (20 * MEGABYTE), path)
        yield Case(
            "size", f"100 MB in chunks ({path})", LARGE, lambda: _chunks(100 * MEGABYTE), path
        )
    empty = b'{"rows":[' + b",".join([b"{}"] * 300_000) + b"]}"
    yield Case("size", "300,000 empty rows", frozenset({413, 422}), empty, "/predict/batch")
    yield Case("size", "no row", WRONG, b'{"rows":[]}', "/predict/batch")
    if target.most_rows is not None and target.most_rows <= MOST_ROWS:
        body = json.dumps({"rows": [target.row] * (target.most_rows + 1)}).encode()
        yield Case("size", "one row too many", LARGE, body, "/predict/batch")


def _forms(target: Target) -> Iterator[Case]:
    row = json.dumps(target.row).encode()
    refused = frozenset({415})
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/xml",
                 "multipart/form-data; boundary=x", "application/jsonx", None):  # fmt: skip
        yield Case("form", f"content type {kind}", refused, row, kind=kind)
    for coding in ("gzip", "br", "deflate"):
        headers = (("content-encoding", coding),)
        yield Case("form", f"content encoding {coding}", refused, row, headers=headers)
    yield Case("form", "charset given", FINE, row, kind="Application/JSON; charset=utf-8")
    odd = (("x-request-id", "a b\t%0d%0aSet-Cookie: a=b"),)
    yield Case("form", "a request identifier that is none", FINE, row, headers=odd)
    many = tuple((f"x-{number}", "v" * 100) for number in range(50))
    yield Case("form", "fifty headers", FINE, row, headers=many)
    yield Case("form", "a strange query", FINE, row, "/predict?x=%00&y=%ff&z[]=1")
    yield Case("form", "a wrong choice in the query", WRONG, row, "/predict?explain=2")


def _paths(target: Target) -> Iterator[Case]:
    row = json.dumps(target.row).encode()
    for method in ("GET", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"):
        yield Case("path", f"{method} /predict", frozenset({405}), method=method)
    for path in (
        "/assets/..%2f..%2fmanifest.json", "/assets/../../manifest.json", "/%2e%2e/etc/passwd",
        "/.git/config", "/model/..%2f..%2f", "/predict/%00", "//predict", "/predict%0d%0aX: y",
        "/openapi.json%00", "/nowhere/" + "x" * 5000, "/%ff%fe", "/admin", "/debug", "/version",
    ):  # fmt: skip
        right = frozenset({400, 401, 403, 404, 405})
        yield Case("path", path[:40], right, method="GET", path=path)
    yield Case("path", "a slash at the end", GONE, row, "/predict/")


def _inference(target: Target) -> Iterator[Case]:
    missing = frozenset({404, 422})
    for name in ("nobody", "..%2f..%2fetc", "%2e%2e", "a" * 300, "%00", "x%0d%0ay"):
        path = f"/v2/models/{name}/infer"
        yield Case("inference", f"model {name[:20]}", missing, b"{}", path)
    path = f"/v2/models/{target.model}/infer"
    for label, body in _tensors(target):
        yield Case("inference", label, EITHER, json.dumps(body).encode(), path)
    yield Case("inference", "400 kB of [", BAD, b"[" * 400_000, path)
    yield Case("inference", "NaN", WRONG, b'{"inputs":[{"name":"a","shape":[1],"datatype":"FP64",'
               b'"data":[NaN]}]}', path)  # fmt: skip


def _tensors(target: Target) -> Iterator[tuple[str, Any]]:
    name = next(iter(target.row))
    good = {"name": name, "shape": [1], "datatype": "FP64", "data": [1]}
    yield "no inputs", {"inputs": []}
    yield "shape beyond the data", {"inputs": [{**good, "shape": [1_000_000]}]}
    yield "negative shape", {"inputs": [{**good, "shape": [-1]}]}
    yield "huge shape", {"inputs": [{**good, "shape": [2**70]}]}
    yield "unknown datatype", {"inputs": [{**good, "datatype": MARKER[:10]}]}
    yield "unknown tensor", {"inputs": [{**good, "name": "nothing"}]}
    yield "tensor twice", {"inputs": [good, good]}
    yield "nested data", {"inputs": [{**good, "data": [[1]]}]}
