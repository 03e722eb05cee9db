"""An OpenAPI document as one HTML page."""

from __future__ import annotations

import json
from html import escape
from typing import TYPE_CHECKING, Any

from markdown_it import MarkdownIt

from service.reference.types import Schema, describe_default, describe_type

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Operation = dict[str, Any]

_markdown = MarkdownIt("commonmark", {"html": False})


def render_reference(document: dict[str, Any], *, style: str) -> str:
    """The page.

    Args:
        document: OpenAPI 3.1, as FastAPI makes it.
        style: address of the style sheet, relative to the page.
    """
    info, schemas = document["info"], document["components"]["schemas"]
    title = escape(f"{info['title']} {info['version']}: the HTTP API")
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f'<title>{title}</title><link rel="icon" href="logo.svg">',
        f'<link rel="stylesheet" href="{escape(style)}"></head><body>',
        f"<header><h1>{title}</h1>{_markdown.render(info['description'])}",
        '<p><a href="./">Search page</a> · <a href="openapi.json">OpenAPI document</a></p>',
        f"</header><nav>{''.join(_contents(document))}</nav><main>",
        *_sections(document),
        '<section><h2 id="objects">Objects</h2>',
        *(_object(name, schema) for name, schema in sorted(schemas.items())),
        "</section></main></body></html>",
    ]
    return "\n".join(parts)


def _operations(document: dict[str, Any], tag: str) -> Iterator[tuple[str, str, Operation]]:
    """Method, path and operation, in the order of the document."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if tag in operation["tags"]:
                yield method.upper(), path, operation


def _contents(document: dict[str, Any]) -> Iterator[str]:
    for tag in document["tags"]:
        yield f"<h2>{escape(tag['name'].capitalize())}</h2><ul>"
        for _, _, operation in _operations(document, tag["name"]):
            anchor, summary = escape(operation["operationId"]), escape(operation["summary"])
            yield f'<li><a href="#{anchor}">{summary}</a></li>'
        yield "</ul>"
    yield '<h2><a href="#objects">Objects</a></h2>'


def _sections(document: dict[str, Any]) -> Iterator[str]:
    for tag in document["tags"]:
        yield f"<section><h2>{escape(tag['name'].capitalize())}</h2>"
        yield _markdown.render(tag["description"])
        for method, path, operation in _operations(document, tag["name"]):
            yield _operation(method, path, operation, document["components"]["schemas"])
        yield "</section>"


def _operation(method: str, path: str, operation: Operation, schemas: dict[str, Schema]) -> str:
    parts = [
        f'<article id="{escape(operation["operationId"])}"><h3>{escape(operation["summary"])}</h3>',
        f'<p class="path"><b class="{method.lower()}">{method}</b> <code>{escape(path)}</code></p>',
        _markdown.render(operation["description"]),
    ]
    if parameters := operation.get("parameters"):
        parts.append(_table("Parameters", (_parameter_row(each) for each in parameters)))
    if content := operation.get("requestBody", {}).get("content"):
        kind, body = next(iter(content.items()))
        schema = body["schema"]
        form = "" if kind == "application/json" else f" (<code>{escape(kind)}</code>)"
        parts.append(f"<p>Body: {describe_type(schema)}{form}</p>{_example(schema, schemas)}")
    parts.append(_answers(operation["responses"], schemas))
    return "\n".join([*parts, "</article>"])


def _example(schema: Schema, schemas: dict[str, Schema]) -> str:
    """The first example of the object that the schema refers to."""
    for each in _objects(schema, schemas):
        for example in each.get("examples", ()):
            return f"<pre>{escape(json.dumps(example, ensure_ascii=False, indent=2))}</pre>"
    return ""


def _objects(schema: Schema, schemas: dict[str, Schema]) -> list[Schema]:
    """The objects that the schema refers to, by itself or as one of several."""
    options = [schema, *schema.get("anyOf", ())]
    return [schemas[each["$ref"].rpartition("/")[2]] for each in options if "$ref" in each]


def _answers(responses: dict[str, Any], schemas: dict[str, Schema]) -> str:
    rows = []
    for status, answer in responses.items():
        content: dict[str, Any] = answer.get("content", {})  # of one type, JSON or text
        schema: Schema = next(
            (each.get("schema") or each["itemSchema"] for each in content.values()), {}
        )
        told = answer["description"]
        if status.startswith("2"):  # FastAPI says no more than that it was successful
            told = " ".join(each.get("description", "") for each in _objects(schema, schemas))
        rows.append((f"<code>{status}</code>", describe_type(schema), _markdown.renderInline(told)))
    return _table("Answers", rows)


def _parameter_row(parameter: dict[str, Any]) -> tuple[str, ...]:
    schema = parameter["schema"]
    where = "in the path" if parameter["in"] == "path" else "behind ?"
    described = parameter.get("description") or schema.get("description", "")
    default = describe_default(schema, required=parameter["required"])
    return (
        f"<code>{escape(parameter['name'])}</code>",
        f"{describe_type(schema)}, {where}",
        default,
        _markdown.renderInline(described),
    )


def _object(name: str, schema: Schema) -> str:
    required = set(schema.get("required", ()))
    rows = [
        (
            f"<code>{escape(field)}</code>",
            describe_type(each),
            describe_default(each, required=field in required),
            _markdown.renderInline(each.get("description", "")),
        )
        for field, each in schema.get("properties", {}).items()
    ]
    told = _markdown.render(schema.get("description", ""))
    body = _table("", rows) if rows else f"<p>{describe_type(schema)}</p>"
    return f'<article id="{escape(name)}"><h3>{escape(name)}</h3>{told}{body}</article>'


def _table(caption: str, rows: Iterable[tuple[str, ...]]) -> str:
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    heading = f"<caption>{caption}</caption>" if caption else ""
    return f'<div class="wide"><table>{heading}{body}</table></div>'
