"""Forms of data: the columns losses take, and what is refused."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from embeddings.training.errors import DataError, RecipeError
from embeddings.training.siamese.forms import as_ranking, as_scores, load_examples
from embeddings.training.siamese.negatives import add_negatives
from embeddings.training.siamese.recipe import Examples, Negatives, Prompts

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def test_scores_are_moved_into_0_to_1(data: Path) -> None:
    loaded = load_examples(Examples(path=str(data / "train.tsv"), range=(0, 5)))
    assert list(loaded.texts) == ["sentence1", "sentence2"]
    assert set(loaded.target or []) == {0.0, 0.6, 1.0}
    assert len(loaded) == 160
    assert loaded.to_dataset().column_names == ["sentence1", "sentence2", "label"]


def test_labels_have_their_numbers_and_become_triplets_or_scores(data: Path) -> None:
    loaded = load_examples(Examples(path=str(data / "nli.jsonl"), form="nli"))
    assert (loaded.target or [])[:3] == [2, 0, 1]
    assert (as_scores(loaded).target or [])[:3] == [1.0, 0.0, 0.5]
    triplets = as_ranking(loaded)
    assert list(triplets.texts) == ["anchor", "positive", "negative"]
    assert len(triplets) == 30
    assert triplets.texts["positive"][0] == loaded.texts["hypothesis"][0]
    assert triplets.texts["negative"][0] == loaded.texts["hypothesis"][1]


def test_texts_of_a_group_share_its_first(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    lines = ["text\tgroup", "a\t1", "b\t2", "c\t1", "d\t3", "c\t1", "e\t1", "f\t2"]
    path.write_text("\n".join(lines), encoding="utf-8")
    loaded = load_examples(Examples(path=str(path), form="groups"))
    pairs = list(zip(*loaded.texts.values(), strict=True))
    assert list(loaded.texts) == ["anchor", "positive"]
    assert pairs == [("a", "c"), ("b", "f"), ("c", "a"), ("e", "a"), ("f", "b")]
    assert loaded.files[0]["rows"] == 7


def test_a_search_folder_gives_judged_answers(data: Path) -> None:
    loaded = load_examples(Examples(path=str(data / "search"), form="retrieval"))
    assert len(loaded) == 16
    assert len(loaded.documents) == 16
    assert loaded.texts["document"][0] == loaded.documents["d00"]
    assert loaded.documents["d00"].startswith("book\n")
    assert loaded.judged[loaded.texts["query"][0]] == {"d00"}
    assert [file["name"] for file in loaded.files] == [
        "search/corpus.jsonl",
        "search/queries.jsonl",
        "search/train.tsv",
    ]


@pytest.mark.parametrize(
    ("name", "text", "form", "message"),
    [
        ("a.tsv", "anchor\tpositive\na\t \n", "pairs", "line 2: positive is empty"),
        ("a.tsv", "anchor\n", "pairs", "holds no rows"),
        ("a.tsv", "premise\thypothesis\tlabel\na\tb\tmaybe\n", "nli", "label is 'maybe'; possible"),
        ("a.tsv", "premise\thypothesis\tlabel\na\tb\t0\n", "nli", "'entailment' in all rows"),
        ("a.tsv", "text\tgroup\na\t1\nb\t2\n", "groups", "every group has one text alone"),
        ("search", None, "retrieval", "is no BEIR folder with corpus.jsonl"),
    ],
)
def test_what_is_wrong_is_told(
    tmp_path: Path, name: str, text: str | None, form: str, message: str
) -> None:
    if text is not None:
        (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=message):
        load_examples(Examples(path=str(tmp_path / name), form=form))  # type: ignore[arg-type]


def test_a_judged_document_that_is_not_there(data: Path, tmp_path: Path) -> None:
    for name in ("corpus.jsonl", "queries.jsonl"):
        (tmp_path / name).write_bytes((data / "search" / name).read_bytes())
    (tmp_path / "qrels").mkdir()
    (tmp_path / "qrels" / "dev.tsv").write_text("query-id\tcorpus-id\tscore\nq00\tnone\t1\n")
    with pytest.raises(DataError, match=r"dev\.tsv, line 2: document 'none' is not in"):
        load_examples(Examples(path=str(tmp_path), form="retrieval", split="dev"))
    with pytest.raises(DataError, match=r"no BEIR folder with qrels/test\.tsv; there are dev\.tsv"):
        load_examples(Examples(path=str(tmp_path), form="retrieval", split="test"))


def test_negatives_and_ranges_belong_to_their_forms() -> None:
    with pytest.raises(RecipeError, match="negatives are mined for pairs and retrieval"):
        Examples(path="a.tsv", form="scores", negatives=Negatives())
    with pytest.raises(RecipeError, match="its second must be greater"):
        Examples(path="a.tsv", range=(1, 1))
    with pytest.raises(RecipeError, match=r"loss 'triplet' cannot learn from a\.tsv"):
        Examples(path="a.tsv", loss="triplet")


def test_negatives_that_were_judged(data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "search"
    shutil.copytree(data / "search", folder)
    lines = ["query-id\tcorpus-id\tscore", "q00\td10\t0", "q00\td11\t0", "q00\td12\t0"]
    lines += ["q00\td00\t0", "q00\td13\t1", "q01\td10\t0"]
    (folder / "qrels" / "wrong.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    wanted = Negatives(count=2, judged="wrong")
    source = Examples(path=str(folder), form="retrieval", negatives=wanted)
    loaded = load_examples(source)
    texts = loaded.documents
    query = next(iter(loaded.judged))
    # An answer is none, whatever the file says, and what is judged above 0 is no negative.
    assert loaded.rejected[query] == [texts["d10"], texts["d11"], texts["d12"]]
    assert [file["name"] for file in loaded.files][-1] == "search/wrong.tsv"
    mined = add_negatives(
        loaded,
        wanted,
        model=lambda: pytest.fail("nothing is searched"),
        prompts=Prompts(),
        searcher=None,
        batch=4,
    )
    # One negative alone is too few for the second query.
    assert mined.texts == {
        "query": [query],
        "document": [texts["d00"]],
        "negative_1": [texts["d10"]],
        "negative_2": [texts["d11"]],
    }
    with pytest.raises(RecipeError, match="not both"):
        Negatives(judged="wrong", collection="faq")
    with pytest.raises(RecipeError, match=r"negatives\.judged is for searches"):
        Examples(path="a.tsv", form="pairs", negatives=wanted)


def test_searches_are_drawn_at_random(data: Path) -> None:
    source = Examples(path=str(data / "search"), form="retrieval", sample=5)
    loaded = load_examples(source)
    assert len(loaded) == 5
    assert set(loaded.judged) == set(loaded.texts["query"])
    assert loaded.texts == load_examples(source).texts
    assert len(loaded.documents) == 16


def test_negatives_of_a_collection_are_near_and_no_answers(data: Path) -> None:
    loaded = load_examples(Examples(path=str(data / "search"), form="retrieval"))
    documents = list(loaded.documents.values())
    asked = []

    def search(collection: str, queries: Sequence[str], k: int) -> list[list[tuple[str, float]]]:
        asked.append((collection, len(queries), k))
        return [
            [(text, 1 - place / 100) for place, text in enumerate(documents[:k])] for _ in queries
        ]

    wanted = Negatives(count=2, skip=1, among=9, margin=1.0, collection="faq")
    mined = add_negatives(
        loaded,
        wanted,
        model=lambda: pytest.fail("the collection is searched"),
        prompts=Prompts(),
        searcher=search,
        batch=4,
    )
    assert asked == [("faq", 16, 10)]
    assert list(mined.texts) == ["query", "document", "negative_1", "negative_2"]
    # The answer is the first found; the margin lets what lies below it through.
    assert [mined.texts[name][0] for name in ("negative_1", "negative_2")] == documents[1:3]
    # Answers further down: only what is not nearer than they are.
    row = mined.texts["document"].index(documents[5])
    assert [mined.texts[name][row] for name in ("negative_1", "negative_2")] == documents[6:8]
    # The last ones are not found at all, so nothing is known to be further away.
    assert documents[12] not in mined.texts["document"]


def test_glosses_are_terms_with_their_names_in_latin_letters(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    lines = [
        "이온화 에너지\t이온화 에너지(ionization energy) 또는 이온화 퍼텐셜은 ...",
        "이온화 에너지\t이온화 에너지(again)는 두 번째 문단이다.",
        "나이트 (체스)\t나이트 (영어: Knight, 馬)는 체스 기물이다.",
        "중합체\t중합체(重合體, polymer)는 반복된다.",
        "서울\t서울은 수도(capital)이다.",
        "가나\t가나(假名)는 글자다.",
    ]
    path.write_text("\n".join(lines), encoding="utf-8")
    source = Examples(
        path=str(path), form="glosses", columns={"title": "1", "text": "2"}, header=False
    )
    loaded = load_examples(source)
    assert list(zip(loaded.texts["source"], loaded.texts["target"], strict=True)) == [
        ("ionization energy", "이온화 에너지"),
        ("Knight", "나이트"),
        ("polymer", "중합체"),
    ]
    assert loaded.files[0]["rows"] == 3
    assert len(load_examples(replace(source, sample=2))) == 2


def test_sentences_of_texts_stand_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    lines = [
        "text",
        "비가 오면 우리는 집에 있었다. 그는 3.5 미터를 뛰었고 다시 뛰었다! 끝.",
        'He asked, "Who went home that day?" Nobody answered him',
        "비가 오면 우리는 집에 있었다.",
    ]
    path.write_text("\n".join(lines), encoding="utf-8")
    source = Examples(path=str(path), form="sentences", loss="distil")
    loaded = load_examples(source)
    assert loaded.texts == {
        "text": [
            "비가 오면 우리는 집에 있었다.",
            "그는 3.5 미터를 뛰었고 다시 뛰었다!",
            'He asked, "Who went home that day?"',
            "Nobody answered him",
        ]
    }
    assert loaded.files[0]["rows"] == 4
    few = load_examples(replace(source, sample=2)).texts["text"]
    assert len(few) == 2
    assert set(few) < set(loaded.texts["text"])
    assert load_examples(replace(source, most=1)).texts["text"] == loaded.texts["text"][:1]


def test_crops_are_two_parts_of_one_text(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    long = " ".join(f"w{n}" for n in range(60))
    path.write_text(f"text\n{long}\ntoo short\n{long.upper()}\n", encoding="utf-8")
    loaded = load_examples(Examples(path=str(path), form="crops"))
    assert list(loaded.texts) == ["anchor", "positive"]
    assert len(loaded) == 2
    for text, anchor, positive in zip([long, long.upper()], *loaded.texts.values(), strict=True):
        assert anchor in text
        assert positive in text
        assert 3 <= len(anchor.split()) <= 12
        assert 12 <= len(positive.split()) <= 40
    again = load_examples(Examples(path=str(path), form="crops"))
    assert again.texts == loaded.texts


def test_a_line_finds_the_page_that_its_translation_stands_on(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    lines = [
        "text\tpart\tgroup",
        "목록\tlist\tls",
        "모두\tall\tls",
        "복사\tcopy\tcp",
        "또\tlist\tls",
    ]
    path.write_text("\n".join(lines), encoding="utf-8")
    source = Examples(path=str(path), form="parts")
    loaded = load_examples(source)
    assert loaded.texts["anchor"] == ["목록", "모두", "복사", "또"]
    assert loaded.texts["positive"] == ["ls\nlist all", "ls\nlist all", "cp\ncopy", "ls\nlist all"]
    few = load_examples(replace(source, sample=1))
    assert len(few) == 1
    assert few.texts["positive"][0] in loaded.texts["positive"], (
        "the whole page, not what was drawn"
    )


@pytest.mark.parametrize(
    ("form", "text", "message"),
    [
        ("crops", "text\none two three\n", "no text has 16 words"),
        ("sentences", "text\n1. 2. 3.\n", "no text has a sentence of 10 letters"),
        ("glosses", "title\ttext\n가나\t가나는 글자다\n", "no text has a name in Latin letters"),
    ],
)
def test_text_without_pairs_is_told(tmp_path: Path, form: str, text: str, message: str) -> None:
    path = tmp_path / "a.tsv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=message):
        load_examples(Examples(path=str(path), form=form))  # type: ignore[arg-type]
