"""JSON Schema in words."""

from __future__ import annotations

import json
from html import escape
from typing import Any

Schema = dict[str, Any]

_WORDS = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "null": "null",
    "object": "object",
    "array": "list",
}


def describe_type(schema: Schema) -> str:
    """HTML: `list of <a>DocumentBody</a>`, `whole number, 1 to 10,000`, `text or null`."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f'<a href="#{escape(name)}">{escape(name)}</a>'
    if options := schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf"):
        return " or ".join(describe_type(option) for option in options)
    if "const" in schema:
        return _code(schema["const"])
    if "enum" in schema:
        return " or ".join(_code(value) for value in schema["enum"])
    return _plain(schema)


def _plain(schema: Schema) -> str:
    kind = schema.get("type")
    if kind == "array":
        least = f", at least {schema['minItems']}" if "minItems" in schema else ""
        return f"list of {describe_type(schema.get('items', {}))}{least}"
    if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"object of {describe_type(schema['additionalProperties'])}"
    if "minimum" in schema and "maximum" in schema:
        low, high = (f"{float(schema[end]):,.15g}" for end in ("minimum", "maximum"))
        return f"{_WORDS[kind or 'number']}, {low} to {high}"
    return _WORDS.get(kind or "", "anything")


def describe_default(schema: Schema, *, required: bool) -> str:
    """HTML: `needed`, the default, or nothing where leaving out means leaving out."""
    if required:
        return "needed"
    return _code(schema["default"]) if "default" in schema else ""


def _code(value: object) -> str:
    return f"<code>{escape(json.dumps(value, ensure_ascii=False))}</code>"
