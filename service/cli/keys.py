"""`meari keys`: who may use a server, and for what."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from service.access.keys import SCOPES, Scope
from service.cli.output import AsJson, note, told, told_bytes, warn, write, write_json, write_table
from service.cli.store import Data, settings

if TYPE_CHECKING:
    from pathlib import Path

    from service.access.keys import ApiKey

Name = Annotated[str, typer.Argument(metavar="NAME", help="What you will know it by.")]
Named = Annotated[str, typer.Argument(metavar="KEY", help="A key's name or id.")]
AsScope = Annotated[
    Scope,
    typer.Option(
        "--scope",
        metavar="|".join(SCOPES),
        help="read: ask; write: documents and analyses too; admin: collections too.",
    ),
]
Collections = Annotated[
    list[str] | None,
    typer.Option("--collection", metavar="NAME", help="It sees; may be repeated. [all]"),
]
Rate = Annotated[
    int | None, typer.Option("--rate", metavar="N", help="Requests a minute. [no bound]")
]
MaxBody = Annotated[
    str | None,
    typer.Option("--max-body", metavar="SIZE", help="Of a request: 700k, 4MiB. [the server's]"),
]
Expires = Annotated[
    float | None, typer.Option("--expires", metavar="DAYS", help="Until it ends. [never]")
]


def create(
    name: Name,
    scope: AsScope = "read",
    collections: Collections = None,
    rate: Rate = None,
    max_body: MaxBody = None,
    expires: Expires = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Make a key and print it, once: only a hash of it is kept.

    A server on the folder knows it within a second. From the first key on every request needs one.
    """
    from service.access.keyring import KeyWish, create_key

    wish = KeyWish(
        name=name,
        scope=scope,
        collections=tuple(collections or ()),
        rate=rate,
        max_bytes=_size(max_body),
        days=expires,
    )
    folder = _folder(data)
    made, key = create_key(folder, wish)
    if as_json:
        write_json({"key": key, **made.describe()})
    else:
        write(key)
        note(f"{_sentence(made)}; the key stands above and is kept nowhere: put it away now")
    for collection in wish.collections:
        if not (folder / collection).is_dir():
            warn(f"there is no collection {collection} yet")


def list_(data: Data = None, as_json: AsJson = False) -> None:
    """List the keys, those that ended too."""
    from service.access.keyring import read_keys

    now = time.time()
    keys = read_keys(_folder(data))
    if as_json:
        write_json({"keys": [{**each.describe(), "state": each.state(now)} for each in keys]})
        return
    rows = [_row(each, now) for each in keys]
    if rows:
        columns = (
            "id",
            "name",
            "scope",
            "collections",
            "rate",
            "body",
            "created",
            "expires",
            "state",
        )
        write_table(columns, rows, numbers="rate body", folds="collections")
    else:
        note("no keys: a server on this folder asks for none; `meari keys create NAME` makes one")


def revoke(key: Named, data: Data = None, as_json: AsJson = False) -> None:
    """Take a key's effect, within a second and for good.

    Keys go on being asked for when the last one is revoked.
    """
    from service.access.keyring import revoke_key

    revoked = revoke_key(_folder(data), key)
    if as_json:
        write_json(revoked.describe())
    else:
        write(f"revoked {revoked.id} ({revoked.name})")


def _folder(data: Path | None) -> Path:
    return settings(data=data).data.expanduser()


def _sentence(key: ApiKey) -> str:
    """`key 3f9a... (name): write, all collections`."""
    seen = "all collections" if key.collections is None else f"only {', '.join(key.collections)}"
    bounds = [
        *([f"{key.rate:,} requests a minute"] if key.rate else []),
        *([f"until {key.describe()['expires']}"] if key.expires else []),
    ]
    return f"key {key.id} ({key.name}): {', '.join([f'scope {key.scope}', seen, *bounds])}"


def _row(key: ApiKey, now: float) -> tuple[object, ...]:
    shown = key.describe()
    return (
        key.id,
        key.name,
        key.scope,
        "all" if key.collections is None else told(key.collections),
        f"{key.rate:,}/min" if key.rate else "-",
        told_bytes(key.max_bytes) if key.max_bytes else "-",
        shown["created"],
        shown["expires"] or "never",
        key.state(now),
    )


def _size(text: str | None) -> int | None:
    """Bytes of a size as it is written on the command line.

    Raises:
        MisuseError: it is none.
    """
    from service.cli.errors import MisuseError
    from service.sizes import parse_size

    try:
        return None if text is None else parse_size(text)
    except ValueError as error:
        message = f"--max-body {error}"
        raise MisuseError(message) from error
