"""`meari tune`: a table of trials, the best model kept, a search that goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.embeddings.training.checking.conftest import Bench, draw_pairs

if TYPE_CHECKING:
    from pathlib import Path

    from tests.service.cli.conftest import Meari


def test_a_search_from_the_command_line(meari: Meari, tmp_path: Path) -> None:
    bench = Bench(tmp_path, train=draw_pairs(64, 1), dev=draw_pairs(40, 2))
    space = tmp_path / "space.toml"
    space.write_text("[optimiser.learning_rate]\nchoices = [1e-6, 1e-2]\n", encoding="utf-8")
    asked = ("tune", "--config", bench.write(), "--space", space, "--out", tmp_path / "out")
    asked += ("--sampler", "grid", "--set", "run.evaluations=1")
    ran = meari.done(*asked)
    assert "learning_rate" in ran.out
    assert ran.out.count("done") == 2
    assert "the best model is" in ran.err
    assert (tmp_path / "out" / "best" / "modules.json").is_file()
    refused = meari(*asked)
    assert refused.status == 1
    assert "go on with --resume" in refused.err
    again = meari.done(*asked, "--resume", "--json")
    best = max(again.json["trials"], key=lambda trial: trial["value"])
    assert again.json["best"]["point"] == best["point"]
    rates = [trial["point"]["optimiser.learning_rate"] for trial in again.json["trials"]]
    assert sorted(rates) == [1e-6, 1e-2]
    assert [trial["state"] for trial in again.json["trials"]] == ["done", "done"]


def test_misuse_is_told(meari: Meari, tmp_path: Path) -> None:
    config = Bench(tmp_path).write()
    (tmp_path / "space.toml").write_text("[run.batches]\nchoices = [1]\n", encoding="utf-8")
    ran = meari(
        "tune", "--config", config, "--space", tmp_path / "space.toml", "--out", tmp_path / "out"
    )
    assert ran.status == 2
    assert "did you mean 'run.batch'?" in ran.err
