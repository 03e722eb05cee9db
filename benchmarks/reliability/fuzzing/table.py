"""Every target by name, with its share of the executions."""

from __future__ import annotations

from benchmarks.reliability.fuzzing import files, targets
from benchmarks.reliability.fuzzing.targets import Target

_FILTER = ("must", "should", "must_not", "min_should", "conditions", "min_count", "key", "match")
_FILTER += ("value", "any", "except", "text", "range", "gt", "gte", "lt", "lte", "is_empty")
_FILTER += ("is_null", "has_id", "a.b[]", "2026-01-02T03:04:05Z", "null", "true", "1e308")
_BODY = ("query", "vector", "documents", "id", "text", "metadata", "parent", "limit", "offset")
_BODY += ("mode", "hybrid", "filter", "cursor", "exact", "input", "model", "dimensions", "texts")
_JSON = ("null", "true", "false", "\\\\ud800", "\\\\u0000", "1e999", "NaN", "-0", '":', '{"', "[[")
_HTML = ("<p>", "</p>", "<table>", "<tr>", "<td>", "<script>", "<!--", "-->", "&amp;", "<main>")
_MARKDOWN = ("---", "# ", "* ", "```", "| ", "[a](b)", "**", "> ", "<b>", "title: ")
_MODEL = ("auto_map", "weight_map", "type", "path", "../", "vocab", "id", "added_tokens", "model")
_PICTURE = (
    "IHDR",
    "IDAT",
    "IEND",
    "PLTE",
    "tRNS",
    "acTL",
    "eXIf",
    "\\xff\\xd8",
    "\\xff\\xe1",
    "GIF89a",
)

TARGETS: dict[str, Target] = {
    "filter": Target(targets.filters, targets.filter_seeds, _FILTER, weight=200),
    "json": Target(targets.strict_json, targets.json_seeds, _JSON, weight=200),
    "body": Target(targets.bodies, targets.body_seeds, _BODY + _FILTER, weight=100),
    "cursor": Target(targets.cursors, targets.cursor_seeds, weight=200, longest=256),
    "snippet": Target(targets.snippets, targets.snippet_seeds, weight=80, longest=2048),
    "manifest": Target(targets.manifests, targets.manifest_seeds, _MODEL, 80, 2048),
    "jsonl": Target(files.reading(".jsonl"), files.records(".jsonl"), _JSON, weight=6),
    "csv": Target(files.reading(".csv"), files.records(".csv"), weight=6),
    "tsv": Target(files.reading(".tsv"), files.records(".tsv"), weight=4),
    "text": Target(files.reading(".txt"), files.records(".txt"), weight=4),
    "markdown": Target(files.reading(".md"), files.records(".md"), _MARKDOWN, weight=4),
    "html": Target(files.reading(".html"), files.records(".html"), _HTML, weight=4),
    "gzip": Target(files.reading(".jsonl.gz"), files.records(".jsonl.gz"), weight=4),
    "zstd": Target(files.reading(".jsonl.zst"), files.records(".jsonl.zst"), weight=4),
    "parquet": Target(files.reading(".parquet"), files.records(".parquet"), weight=3, longest=4096),
    "picture": Target(files.pictures, files.picture_seeds, _PICTURE, weight=40, longest=2048),
    "word2vec": Target(files.word2vec, files.word2vec_seeds, weight=30),
    "gensim": Target(files.gensim, files.gensim_seeds, weight=40, longest=2048),
    "safetensors": Target(files.tensors, files.tensor_seeds, _MODEL, weight=60),
    "model": Target(files.model_folders, files.model_seeds, _MODEL, weight=8),
    "words": Target(files.word_folders, files.word_folder_seeds, _JSON, weight=8),
    "classifier": Target(files.classifiers, files.classifier_seeds, _JSON, weight=8),
}
