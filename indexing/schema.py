"""The tables of `documents.sqlite`, made and changed by numbered migrations.

A migration is never edited once released; a new one is appended.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from indexing.errors import DamagedError
from indexing.hashes import hash_of_text

if TYPE_CHECKING:
    import sqlite3

M001 = """
CREATE TABLE documents (
    row INTEGER PRIMARY KEY,            -- the vector's row in vectors.f32; below 0: it was lost
    id TEXT NOT NULL UNIQUE,
    title TEXT NOT NULL,
    text TEXT NOT NULL,
    metadata TEXT NOT NULL,             -- a JSON object
    parent TEXT,                        -- chunks: id of the whole text
    chunk INTEGER,                      -- chunks: number in it, from 0
    start INTEGER,                      -- chunks: characters start..stop of it
    stop INTEGER,
    text_hash BLOB NOT NULL,            -- of what the encoder read
    content_hash BLOB NOT NULL,         -- of everything
    tokens INTEGER NOT NULL,
    truncated INTEGER NOT NULL,
    unknown INTEGER NOT NULL
);
CREATE INDEX documents_by_parent ON documents (parent, chunk) WHERE parent IS NOT NULL;
CREATE TABLE appends (                  -- one a write: what was added to vectors.f32
    first INTEGER PRIMARY KEY,
    rows INTEGER NOT NULL,
    crc32 INTEGER NOT NULL
);
"""

M002 = """
CREATE TABLE version (number INTEGER NOT NULL);    -- of the documents: one more with each write
INSERT INTO version SELECT count(*) > 0 FROM documents;
"""

M003 = """
CREATE TABLE analyzers (
    number INTEGER PRIMARY KEY,
    fingerprint TEXT NOT NULL UNIQUE
);
CREATE TABLE terms (                    -- for lexical search; a row that is missing is made again
    row INTEGER PRIMARY KEY,            -- of the document
    analyzer INTEGER NOT NULL,          -- number of the one that found them
    packed BLOB NOT NULL                -- see terms.py
);
CREATE TRIGGER terms_go AFTER DELETE ON documents BEGIN
    DELETE FROM terms WHERE row = OLD.row;
END;
CREATE TRIGGER terms_follow AFTER UPDATE OF row ON documents WHEN NEW.row <> OLD.row BEGIN
    UPDATE terms SET row = NEW.row WHERE row = OLD.row;
END;
"""

M004 = """
ALTER TABLE documents ADD COLUMN image TEXT;    -- of pictures: a JSON object, see images.py
CREATE TABLE pictures (                 -- one a document with a picture
    row INTEGER PRIMARY KEY,            -- of the document
    thumbnail BLOB NOT NULL,            -- a small JPEG
    original BLOB                       -- the whole file, where that was asked for
);
CREATE TRIGGER pictures_go AFTER DELETE ON documents BEGIN
    DELETE FROM pictures WHERE row = OLD.row;
END;
CREATE TRIGGER pictures_follow AFTER UPDATE OF row ON documents WHEN NEW.row <> OLD.row BEGIN
    UPDATE pictures SET row = NEW.row WHERE row = OLD.row;
END;
"""

MIGRATIONS = (M001, M002, M003, M004)
_BESIDE = {
    # The programs of schema 1 hashed what the encoder read, those since title and text apart.
    2: "UPDATE documents SET text_hash = hash_of_text(title, text);",
}
"""What a migration needs a function for; done in its transaction."""


def check_schema(connection: sqlite3.Connection) -> int:
    """The database's version.

    Raises:
        DamagedError: it was written by a newer program than this one.
    """
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > len(MIGRATIONS):
        message = (
            f"documents.sqlite has schema {version}, this version knows {len(MIGRATIONS)}; "
            "update Meari, or restore a backup that this version made"
        )
        raise DamagedError(message)
    return version


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the database to the newest version, each step whole or not at all.

    Raises:
        DamagedError: the database was written by a newer program.
    """
    version = check_schema(connection)
    connection.create_function("hash_of_text", 2, hash_of_text, deterministic=True)
    for number, script in enumerate(MIGRATIONS[version:], start=version + 1):
        whole = f"BEGIN;{script};{_BESIDE.get(number, '')}PRAGMA user_version = {number};COMMIT;"
        connection.executescript(whole)
