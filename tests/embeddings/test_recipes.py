"""The recipes of the encoders that ship: each can be read, and each begins where one ended."""

from __future__ import annotations

import os
import re
from pathlib import Path

from embeddings.training.bridge.recipe import BridgeRecipe
from embeddings.training.recipe import read_recipe
from embeddings.training.siamese.recipe import SiameseRecipe
from embeddings.training.tokenizer.recipe import ExtensionRecipe

ROOT = Path(__file__).parents[2]
STAGES = ROOT / "embeddings" / "recipes" / "meari-ko-en"
LATER = [
    STAGES / f"{name}.toml"
    for name in (
        "2-distillation",
        "3-search",
        "4-across",
        "5-everyday",
        "7-teachers",
        "8-talk",
        "9-reading",
        "10-both",
        "11-length",
        "12-names",
    )
]
LEARNED = [
    *LATER,
    STAGES.with_name("meari-static") / "1-distillation.toml",
]
"""What `train siamese` makes encoders of that ship."""
UNJUDGED = ("snli_en", "kobest_boolq")
COPYLEFT = {"GPL-2.0 (copyleft)", "GPL-3.0 (copyleft)", "LGPL-3.0 (copyleft)"}


def test_the_stages_go_on_from_each_other() -> None:
    vocabulary = read_recipe(ExtensionRecipe, STAGES / "1-vocabulary.toml", ())
    later = [read_recipe(SiameseRecipe, path, ()) for path in LATER]
    assert {recipe.name for recipe in (vocabulary, *later)} == {"meari-ko-en"}
    bodies = [os.path.relpath(recipe.body, ROOT) for recipe in later]
    assert bodies == [f"models/ko-en-{number}" for number in (1, 2, 3, 5, 7, 8, 10, 12, 14, 16)]
    made = re.findall(r"^models/([\w-]+)/", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    stages = [f"ko-en-{number}" for number in range(1, 18)]
    stages[7:7] = ["e5-small", "e5-bridge"]
    assert made == [*stages, "meari-ko-en", "static-1", "meari-static"]


def test_the_second_teacher_speaks_in_the_vectors_of_the_first() -> None:
    bridge = read_recipe(BridgeRecipe, STAGES / "6-bridge.toml", ())
    assert os.path.relpath(bridge.body, ROOT) == "models/e5-small"
    for path, first in zip(LATER[-6:-1], (7, 7, 10, 12, 12), strict=True):
        student = read_recipe(SiameseRecipe, path, ())
        assert bridge.teacher == student.loss.teacher == "minilm"
        taught = {source.teachers for source in student.train} - {()}
        made = {
            tuple(each if each == "minilm" else os.path.relpath(each, ROOT) for each in teachers)
            for teachers in taught
        }
        korean = (f"models/ko-en-{first}", "models/e5-bridge")
        parts = {"10-both": 1, "11-length": 2}.get(path.stem, 0)
        english = ("minilm",) * parts + ("models/e5-bridge",)
        assert made == ({korean, english} if parts else {korean})


def test_at_the_end_all_but_english_that_names_things_stays() -> None:
    """Texts of the last stage follow its own beginning, or `minilm` where no teacher is named."""
    recipe = read_recipe(SiameseRecipe, LATER[-1], ())
    held = [source for source in recipe.train if source.loss == "distil"]
    assert {source.teachers for source in held} == {(), (str(recipe.body),)}
    first = [source.name for source in held if not source.teachers]
    assert len(first) == 7
    assert all(name.startswith("English") for name in first)
    assert recipe.loss.teacher == "minilm"


def test_the_table_is_taught_by_the_encoder_that_ships() -> None:
    recipe = read_recipe(SiameseRecipe, LEARNED[-1], ())
    assert (recipe.name, recipe.body) == ("meari-static", "static")
    assert recipe.loss.teacher == recipe.shape.encoder
    assert os.path.relpath(str(recipe.loss.teacher), ROOT) == "models/meari-ko-en"
    widths = read_recipe(SiameseRecipe, LATER[-1], ()).loss.matryoshka
    assert min(widths) <= recipe.shape.width
    rows, half = 46_522, 2
    assert rows * recipe.shape.width * half < 18_000_000


def test_what_may_not_be_passed_on_is_left_out() -> None:
    """Copyleft translations, and the parts of STS-B that are under other terms."""
    vocabulary = read_recipe(ExtensionRecipe, STAGES / "1-vocabulary.toml", ())
    sources = [*vocabulary.parallel]
    sources += read_recipe(BridgeRecipe, STAGES / "6-bridge.toml", ()).train
    for path in LEARNED:
        sources += read_recipe(SiameseRecipe, path, ()).train
    assert all(source.licence for source in sources)
    for source in sources:
        left_out = set(source.leave_out.get("licence", ()))
        if "parallel_large" in source.path and source.where.get("source") != "tatoeba":
            assert left_out == COPYLEFT, source.title
        if "korsts_stsb" in source.path:
            assert set(source.leave_out["source"]) == {"MSRpar", "MSRvid"}, source.title


def test_nothing_is_learned_from_dev_and_test_rows() -> None:
    recipes: list[SiameseRecipe | BridgeRecipe] = [
        read_recipe(SiameseRecipe, path, ()) for path in LEARNED
    ]
    recipes.append(read_recipe(BridgeRecipe, STAGES / "6-bridge.toml", ()))
    for recipe in recipes:
        splits = {source.split for source in recipe.train}
        assert splits <= {None, "train"}
        whole = {Path(source.path).parent.name for source in recipe.train if source.split is None}
        # Of searches the documents alone, for what their text says: no question, no judgement.
        documents = [s for s in recipe.train if s.path.endswith("corpus.jsonl.gz")]
        assert all(source.form == "texts" for source in documents)
        whole -= {Path(source.path).parent.name for source in documents}
        # Sentences without their labels, of sets that nothing is reported on; the card says so.
        unjudged = [s for s in recipe.train if Path(s.path).parent.name in UNJUDGED and not s.split]
        assert all(source.form == "texts" for source in unjudged)
        whole -= {Path(source.path).parent.name for source in unjudged}
        assert whole <= {"parallel_large", "en_wiki_text", "ko_wiki_text", "parakqc", "klue_nli"}
        assert {source.split for source in recipe.dev} == {"dev"}
