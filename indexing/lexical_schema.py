"""What a lexical index holds for each row, and how it is asked."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from indexing.errors import LexicalIndexError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import tantivy

    from indexing.types import Ids

State: TypeAlias = "dict[str, Any]"
"""`format`, `analyzer` (fingerprint) and `version` of an index."""


def schema() -> tantivy.Schema:
    """Rows are numbers, terms words between blanks, and the state is one stored word."""
    import tantivy

    builder = tantivy.SchemaBuilder()
    builder.add_unsigned_field("row", indexed=True, fast=True)
    builder.add_text_field("terms", tokenizer_name="whitespace", index_option="freq")
    builder.add_text_field("state", stored=True, tokenizer_name="raw", index_option="basic")
    return builder.build()


def write_state(
    writer: tantivy.IndexWriter, state: State, *, instead_of: State | None = None
) -> None:
    """The one document without a row: it is replaced in the same commit as rows."""
    import tantivy

    if instead_of is not None:
        writer.delete_documents_by_term("state", json.dumps(instead_of))
    document = tantivy.Document()
    document.add_text("state", json.dumps(state))
    writer.add_document(document)


def read_state(searcher: tantivy.Searcher, fields: tantivy.Schema) -> State:
    """The state of the commit searched.

    Raises:
        LexicalIndexError: there is none, or more than one.
    """
    import tantivy

    hits = searcher.search(tantivy.Query.regex_query(fields, "state", ".*"), 2).hits
    if len(hits) != 1:
        message = f"lexical index holds {len(hits)} states, not 1; build it again"
        raise LexicalIndexError(message)
    state: State = json.loads(str(searcher.doc(hits[0][1]).get_first("state")))
    return state


def any_of(fields: tantivy.Schema, terms: Sequence[str], rows: Ids | None) -> tantivy.Query:
    """Any of the terms, each weighted by how often it is asked for, and one of the rows."""
    from tantivy import Occur, Query

    parts = []
    for term, times in Counter(terms).items():
        part = Query.term_query(fields, "terms", term, "freq")
        parts.append((Occur.Should, part if times == 1 else Query.boost_query(part, float(times))))
    query = Query.boolean_query(parts)
    if rows is None:
        return query
    # Row by row: tantivy's query for a set of terms walks its dictionary, 2 to 8 times as long.
    each = [(Occur.Should, Query.term_query(fields, "row", row, "basic")) for row in rows.tolist()]
    among = Query.const_score_query(Query.boolean_query(each), 0.0)
    return Query.boolean_query([(Occur.Must, query), (Occur.Must, among)])


def rows_of(searcher: tantivy.Searcher, hits: Sequence[tuple[float, tantivy.DocAddress]]) -> Ids:
    """int64, the rows in the order of the hits."""
    values = searcher.fast_field_values("row", [address for _, address in hits])
    return np.array(values, dtype=np.int64)
