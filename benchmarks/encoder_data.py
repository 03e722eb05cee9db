"""The parts that an encoder is judged by, and what each of them is read from."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from eval.datasets import load_beir
from eval.errors import DatasetError
from eval.pairs import Columns, TranslationData, load_pairs, load_translations

if TYPE_CHECKING:
    from eval.datasets import RetrievalData
    from eval.pairs import SimilarityData

Form = Literal["similarity", "translations", "titles", "dense", "modes"]
Judged: TypeAlias = "SimilarityData | TranslationData | RetrievalData"

BOOKSHOP = Path(__file__).parents[1] / "examples/bookshop"
_ARTICLES = 800
_FIRST_ROW = 90_000
"""Articles are taken from the paragraphs behind it."""
_STS = "korsts_stsb/korsts_stsb.parquet"
_PARALLEL = "parallel_general/parallel_general.parquet"


@dataclass(frozen=True, slots=True)
class Part:
    """Some rows of the table.

    Attributes:
        name: what `--only` calls it.
        title: in the table.
        form: `similarity` (Spearman), `translations` (accuracy), `titles` (accuracy, articles by
            their title), `dense` (nDCG@10 by exact search) or `modes` (nDCG@10 of a collection:
            lexical, hybrid).
        path: from the data folder.
        split: of it.
        final: measured once, when everything is decided.
        columns: of pairs, the two texts; of translations, source and target.
        where: of translations, only rows with these values.
        grouped: questions are told apart by language too, as their metadata say.
        cut: measured with fewer numbers a vector as well, where asked.
    """

    name: str
    title: str
    form: Form
    path: str
    split: str
    final: bool = False
    columns: tuple[str, str] = ("", "")
    where: tuple[tuple[str, str], ...] = ()
    grouped: bool = False
    cut: bool = False


def _similarity(name: str, title: str, language: str, split: str) -> Part:
    columns = (f"{language}_sentence1", f"{language}_sentence2")
    return Part(
        name, title, "similarity", _STS, split, split == "test", columns=columns, cut=split == "dev"
    )


def _translations(name: str, title: str, split: str) -> Part:
    where = (("source", name),)
    final = split == "test"
    return Part(
        name, title, "translations", _PARALLEL, split, final, columns=("ko", "en"), where=where
    )


PARTS: tuple[Part, ...] = (
    _similarity("korsts", "KorSTS", "ko", "dev"),
    _similarity("korsts", "KorSTS", "ko", "test"),
    _similarity("stsb", "STS-B", "en", "dev"),
    _similarity("stsb", "STS-B", "en", "test"),
    _translations("jhe", "JHE", "dev"),
    _translations("news", "news", "dev"),
    Part(
        *("captions", "captions", "translations", _STS, "dev"),
        columns=("ko_sentence1", "en_sentence1"),
        where=(("source", "images"),),
    ),
    Part("titles", "English titles", "titles", "en_wiki_text/enwiki.tsv.gz", ""),
    _translations("tatoeba", "Tatoeba", "test"),
    *(
        Part("bookshop", "bookshop", form, str(BOOKSHOP), split, split == "test", grouped=True)
        for split in ("dev", "test")
        for form in ("dense", "modes")
    ),
    *(
        Part("tldr", "tldr_xsearch_ko_en", form, "tldr_xsearch_ko_en", split, split == "test")
        for split in ("dev", "test")
        for form in ("dense", "modes")
    ),
    Part("xquad_en", "xquad_en", "dense", "xquad_en", "test", final=True),
    Part("med", "med", "dense", "med", "test", final=True),
    Part("cranfield", "cranfield", "dense", "cranfield", "test", final=True),
    Part("cisi", "cisi", "dense", "cisi", "test", final=True),
    Part("boolq_en", "boolq_en", "dense", "boolq_en", "dev", final=True),
    Part("medquad", "medquad", "dense", "medquad", "dev", cut=True),
    Part("medquad", "medquad", "dense", "medquad", "test", final=True),
    Part("tydi_en_lead", "tydi_en_lead", "dense", "tydi_en_lead", "test", final=True),
    Part("miracl_ko", "miracl_ko", "dense", "miracl_ko", "dev", cut=True),
    Part("miracl_ko", "miracl_ko", "modes", "miracl_ko", "dev"),
)
"""In the order they are measured: short ones first."""


def load_part(part: Part, data: Path) -> Judged:
    """What the part judges by.

    Raises:
        DatasetError: it is not there, or not of its form.
    """
    path = data / part.path
    if part.form == "similarity":
        return load_pairs(path, columns=Columns(*part.columns), split=part.split)
    if part.form == "translations":
        source, target = part.columns
        where = dict(part.where)
        return load_translations(path, source=source, target=target, split=part.split, where=where)
    if part.form == "titles":
        return load_titles(path)
    return load_beir(path, part.split)


def load_titles(path: Path) -> TranslationData:
    """Titles of articles beside the paragraph that each ends with; most do not say the title.

    Args:
        path: `.tsv.gz` of titles and paragraphs without a header, an article's one behind another.

    Raises:
        DatasetError: there is no such file, or it has too few rows.
    """
    articles: dict[str, str] = {}
    try:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in islice(lines, _FIRST_ROW, None):
                title, _, text = line.rstrip("\n").partition("\t")
                if title not in articles and len(articles) == _ARTICLES:
                    break
                articles[title] = text
    except OSError as error:
        message = f"{path} cannot be read: {error}"
        raise DatasetError(message) from error
    if len(articles) < _ARTICLES:
        found = f"{len(articles)} articles behind row {_FIRST_ROW:,}"
        message = f"{path} has {found}; {_ARTICLES} are needed"
        raise DatasetError(message)
    titles, texts = zip(*articles.items(), strict=True)
    return TranslationData(path.name.partition(".")[0], None, titles, texts, blank=0)
