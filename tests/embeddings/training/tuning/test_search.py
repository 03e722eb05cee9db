"""Searches over a tiny recipe: the best is kept, the hopeless stopped, the stopped gone on with."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from embeddings.load import load_encoder
from embeddings.training.errors import RecipeError, TrainingError
from embeddings.training.trainer import Listener
from embeddings.training.tuning.search import Search, tune
from embeddings.training.tuning.study import opened_study
from embeddings.training.tuning.trials import PrunedError, Watch
from tests.embeddings.training.checking.conftest import Bench, draw_pairs

if TYPE_CHECKING:
    from pathlib import Path

RATES = "[optimiser.learning_rate]\nlow = 1e-6\nhigh = 1e-2\nlog = true\npoints = 3\n"


@pytest.fixture
def search(tmp_path: Path) -> Search:
    """Three learning rates of a recipe of a few steps."""
    bench = Bench(tmp_path, train=draw_pairs(96, 1), dev=draw_pairs(60, 2), test=draw_pairs(20, 3))
    (tmp_path / "space.toml").write_text(RATES, encoding="utf-8")
    return Search(
        config=bench.write(),
        space=tmp_path / "space.toml",
        out=tmp_path / "out",
        trials=None,
        sampler="grid",
        pruner="none",
        overrides=["run.epochs=2", "run.evaluations=2"],
    )


def test_a_grid_is_tried_whole_and_the_best_kept(search: Search) -> None:
    report = tune(search)
    assert report.measure == "dev_spearman_cosine"
    assert [trial.state for trial in report.trials] == ["done"] * 3
    values = [trial.value for trial in report.trials]
    assert values == sorted(values, key=lambda value: -(value or 0))
    assert sorted(trial.point["optimiser.learning_rate"] for trial in report.trials) == [
        pytest.approx(1e-6),
        pytest.approx(1e-4),
        pytest.approx(1e-2),
    ]
    best = report.best
    assert best is not None
    receipt = json.loads((search.out / "best" / "training.json").read_bytes())
    rate = best.point["optimiser.learning_rate"]
    assert receipt["recipe"]["optimiser"]["learning_rate"] == rate
    points = dict(receipt["curves"]["measures"][report.measure])
    assert best.value == points[receipt["extra"]["best_step"]] == values[0]
    assert receipt["data"]["test"] == [], "a search does not look at test data"
    assert load_encoder(search.out / "best").dim == 16
    text = (search.out / "best.toml").read_text(encoding="utf-8")
    assert f"learning_rate = {rate}" in text
    assert "[[test]]" in text
    assert (search.out / "trials.png").read_bytes().startswith(b"\x89PNG")
    told = json.loads((search.out / "tuning.json").read_bytes())
    assert told["best"]["number"] == best.number
    assert not (search.out / "trial").exists()


def test_a_search_goes_on_where_it_was_stopped(search: Search) -> None:
    first = tune(replace(search, trials=1))
    assert len(first.trials) == 1
    with pytest.raises(TrainingError, match="go on with --resume"):
        tune(search)
    with pytest.raises(TrainingError, match="had another sampler"):
        tune(replace(search, sampler="random", trials=3, resume=True))
    whole = tune(replace(search, resume=True))
    assert len(whole.trials) == 3
    again = next(trial for trial in whole.trials if trial.number == 0)
    assert again == first.trials[0], "what ran is not run again"


def test_a_trial_cut_off_by_a_crash_is_tried_again(search: Search) -> None:
    class StopError(Exception):
        """Stands for kill -9: nobody writes anything down."""

    def fall(*_: object) -> None:
        raise StopError

    with pytest.raises(StopError):
        tune(search, Listener(progress=lambda stage, *_: fall() if stage == "train" else None))
    report = tune(replace(search, resume=True))
    assert len(report.trials) == 3
    points = [trial.point["optimiser.learning_rate"] for trial in report.trials]
    assert len(set(points)) == 3
    assert all(trial.state == "done" for trial in report.trials)


def test_a_trial_that_fails_is_written_down_and_no_more(search: Search, tmp_path: Path) -> None:
    (tmp_path / "space.toml").write_text(
        "[dense]\nchoices = [16, 8]\n[loss.matryoshka]\nchoices = []"
    )
    with pytest.raises(RecipeError, match="needs either"):
        tune(search)
    (tmp_path / "space.toml").write_text("[dense]\nchoices = [16, 8]\n", encoding="utf-8")
    overrides = [*search.overrides, "loss.matryoshka=[16]"]
    report = tune(replace(search, overrides=overrides, out=tmp_path / "other"))
    done, failed = report.trials
    assert (done.state, done.point["dense"]) == ("done", 16)
    assert (failed.state, failed.value) == ("failed", None)
    assert failed.why is not None
    assert "loss.matryoshka" in failed.why


def test_nothing_left_is_an_error(search: Search) -> None:
    overrides = [*search.overrides, "loss.matryoshka=[64]"]
    with pytest.raises(
        TrainingError, match=r"no trial of 3 came to its end; the first: recipe key"
    ):
        tune(replace(search, overrides=overrides))


def test_a_time_that_is_over_stops_the_search(search: Search) -> None:
    report = tune(replace(search, seconds=0.0))
    assert report.trials == []
    assert report.stopped == "the time of 0 s was over"


def test_a_recipe_without_dev_data_is_refused(search: Search) -> None:
    text = search.config.read_text(encoding="utf-8")
    search.config.write_text(text.replace("[[dev]]", "[[test]]"), encoding="utf-8")
    with pytest.raises(RecipeError, match=r"no dev data to compare trials by"):
        tune(search)


def test_hopeless_trials_are_pruned(search: Search, tmp_path: Path) -> None:
    """Four good rates, then one that learns nothing: below the median at its first measure."""
    import optuna

    from embeddings.training.tuning.space import read_space
    from embeddings.training.tuning.study import Request

    out = tmp_path / "study"
    out.mkdir()
    space = read_space(search.space, search.config, [], "siamese")
    request = Request("", [], "random", "median", 0, maximise=True)
    with opened_study(out, request, space, resume=False) as study:
        for value in (0.7, 0.8, 0.75, 0.9):
            trial = study.ask(space.distributions())
            Watch(trial, Listener(), prunes=True, deadline=None).measured(1, 2, value)
            study.tell(trial, value)
        trial = study.ask(space.distributions())
        watch = Watch(trial, Listener(), prunes=True, deadline=None)
        watch.measured(0, 2, 0.1)
        with pytest.raises(PrunedError, match=r"0.2000 after 50 % of the run"):
            watch.measured(1, 2, 0.2)
        with pytest.raises(TrainingError, match="no number"):
            watch.measured(2, 2, float("nan"))
        late = Watch(trial, Listener(), prunes=False, deadline=time.monotonic() - 1)
        with pytest.raises(PrunedError, match="the time was over"):
            late.progress("train", 3, 10)
        assert study.trials[4].intermediate_values == {500: 0.2}
        assert isinstance(study.pruner, optuna.pruners.MedianPruner)


@pytest.mark.parametrize("sampler", ["random", "tpe"])
def test_a_study_opened_again_draws_other_values(
    tmp_path: Path, search: Search, sampler: str
) -> None:
    from embeddings.training.tuning.space import read_space
    from embeddings.training.tuning.study import Request

    out = tmp_path / "study"
    out.mkdir()
    space = read_space(search.space, search.config, [], "siamese")
    request = Request("", [], sampler, "none", 0, maximise=True)  # type: ignore[arg-type]
    drawn = []
    for turn in range(2):
        with opened_study(out, request, space, resume=turn > 0) as study:
            trial = study.ask(space.distributions())
            drawn.append(trial.params["optimiser.learning_rate"])
            study.tell(trial, 0.5)
    assert drawn[0] != drawn[1]
    assert all(1e-6 <= value <= 1e-2 for value in drawn)
