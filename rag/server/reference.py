"""The reference of the HTTP API as a page, from its OpenAPI schema.

FastAPI's own pages load a script from another host. This one is HTML alone, so that it needs no network and
its Content-Security-Policy allows no script.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

Schema = Mapping[str, Any]
"""A part of an OpenAPI schema."""

STYLE = """
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }
body { max-inline-size: 60rem; margin: 2rem auto; padding-inline: 1rem; }
section { margin-block-start: 2.5rem; }
h2, h3 { font-size: 1.1rem; }
code { font-family: ui-monospace, monospace; overflow-wrap: anywhere; }
th code { white-space: nowrap; }
table { border-collapse: collapse; inline-size: 100%; margin-block: .5rem; }
th, td { text-align: start; vertical-align: top; padding: .25rem .75rem .25rem 0; }
tr { border-block-end: 1px solid #8886; }
caption { text-align: start; font-weight: 600; }
"""

POLICY = (
    "default-src 'none'; frame-ancestors 'none'; style-src 'sha256-"
    + base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    + "'"
)
"""The page's Content-Security-Policy: its own style, and nothing else."""

_REF = "#/components/schemas/"


def page(schema: Schema) -> str:
    """The page that describes an API.

    Args:
        schema: Its OpenAPI schema, as ``FastAPI.openapi`` returns it.
    """
    title = escape(f"{schema['info']['title']} {schema['info']['version']}: HTTP API")
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{title}</title><style>{STYLE}</style><main><h1>{title}</h1>"
        '<p>The same as an <a href="openapi.json">OpenAPI schema</a>, for programs that generate clients.</p>'
        f"{body(schema)}</main></html>"
    )


def body(schema: Schema) -> str:
    """The operations, the ways to log in and the objects of an API, as HTML.

    Args:
        schema: As for ``page``.
    """
    operations = [
        (method, path, operation)
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
    ]
    contents = "".join(
        f'<li><a href="#{_id(method, path)}"><code>{method.upper()} {escape(path)}</code></a></li>'
        for method, path, _ in operations
    )
    return (
        f"<nav><ul>{contents}</ul></nav>"
        + "".join(_operation(*one) for one in operations)
        + "<section><h2>Logging in</h2>"
        + _table("Ways to log in, of which one is enough", ("name", "meaning"), _ways(schema))
        + "</section>"
        + "".join(_object(name, part) for name, part in schema["components"]["schemas"].items())
    )


def _id(method: str, path: str) -> str:
    return f"{method}-{re.sub(r'[^a-z0-9]+', '-', path.lower()).strip('-')}"


def _operation(method: str, path: str, operation: Schema) -> str:
    parameters = (
        (
            one["name"],
            one["in"],
            _type(one["schema"]),
            _needed(one.get("required", False), one["schema"]),
            _text(one),
        )
        for one in operation.get("parameters", ())
    )
    answers = (
        (status, escape(one["description"]), _bodies(one)) for status, one in operation["responses"].items()
    )
    body = operation.get("requestBody", {})
    return (
        f'<section id="{_id(method, path)}"><h2><code>{method.upper()} {escape(path)}</code></h2>'
        + "".join(f"<p>{_prose(part)}</p>" for part in operation.get("description", "").split("\n\n"))
        + _table("Parameters", ("name", "in", "type", "default", "meaning"), parameters)
        + (f"<p>Body: {_bodies(body)}</p>" if body else "")
        + _table("Responses", ("status", "meaning", "body"), answers)
        + "</section>"
    )


def _object(name: str, part: Schema) -> str:
    required = part.get("required", ())
    rows = (
        (field, _type(one), _needed(field in required, one), _text(one))
        for field, one in part.get("properties", {}).items()
    )
    name = escape(name)
    return (
        f'<section id="{name}"><h3><code>{name}</code></h3><p>{_text(part)}</p>'
        + _table("Fields", ("name", "type", "default", "meaning"), rows)
        + "</section>"
    )


def _ways(schema: Schema) -> Iterable[tuple[str, str]]:
    for name, way in schema["components"]["securitySchemes"].items():
        yield name, f"{way.get('scheme', way['type'])}: {_text(way)}"


def _table(caption: str, heads: Iterable[str], rows: Iterable[tuple[str, ...]]) -> str:
    """A table whose first column is code; nothing where there are no rows. Cells are HTML already."""
    head = "".join(f"<th scope=col>{one}</th>" for one in heads)
    lines = [
        f"<tr><th scope=row><code>{escape(first)}</code></th>"
        + "".join(f"<td>{cell}</td>" for cell in rest)
        + "</tr>"
        for first, *rest in rows
    ]
    if not lines:
        return ""
    return f"<table><caption>{caption}</caption><tr>{head}</tr>{''.join(lines)}</table>"


def _bodies(part: Schema) -> str:
    """The media types of a body and what each contains."""
    return "<br>".join(
        f"<code>{escape(kind)}</code>" + (f": {_type(one['schema'])}" if one.get("schema") else "")
        for kind, one in part.get("content", {}).items()
    )


def _type(schema: Schema) -> str:
    """A schema in a few words, with a link to the object that it refers to."""
    if "$ref" in schema:
        name = escape(schema["$ref"].removeprefix(_REF))
        return f'<a href="#{name}">{name}</a>'
    if "anyOf" in schema:
        return " or ".join(_type(one) for one in schema["anyOf"])
    if "enum" in schema or "const" in schema:
        return " or ".join(map(_code, schema.get("enum", [schema.get("const")])))
    if schema.get("type") == "array":
        return f"array of {_type(schema.get('items', {}))}{_limits(schema)}"
    return f"{escape(schema.get('format') or schema.get('type', 'any'))}{_limits(schema)}"


_LIMITS = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
}


def _limits(schema: Schema) -> str:
    said = [text.format(f"{schema[key]:,}") for key, text in _LIMITS.items() if key in schema]
    return f" ({', '.join(said)})" if said else ""


def _needed(required: bool, schema: Schema) -> str:
    if required:
        return "required"
    return _code(schema["default"]) if schema.get("default") is not None else ""


def _code(value: Any) -> str:
    """A value as JSON."""
    return f"<code>{escape(json.dumps(value, ensure_ascii=False), quote=False)}</code>"


def _text(part: Schema) -> str:
    return _prose(part.get("description", ""))


def _prose(text: str) -> str:
    """A text as HTML, with code between backticks, one or two."""
    return re.sub("``?([^`]+)``?", r"<code>\1</code>", escape(text, quote=False))
