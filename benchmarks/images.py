r"""Backbones on labelled pictures: what they cost, and how well their vectors find a class.

    python -m benchmarks.images quality --data DIR [--only NAME] [--work DIR]
    python -m benchmarks.images cost [--size 32] [--width 0.125] [--seconds 1.5]
    python -m benchmarks.images index --data DIR [--pictures 256] [--rounds 3]

DIR holds `cifar10/{train,test}.parquet` and `clothing/{train,validation}.parquet` (columns `image`
and `label`). `quality` trains one recipe after another through `train_images` and keeps what is
done; `cost` measures all backbones by turns, in one process, on random pixels: nothing is decoded.
`index` compares `encode` of files (decoding counted) with the whole of indexing them, by turns.
"""

from __future__ import annotations

import json
import statistics
import time
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import torch
import typer

from benchmarks.record import RESULTS, save
from embeddings.images.backbones.plan import BACKBONES
from embeddings.training.images.recipe import ImageRecipe
from embeddings.training.images.run import train_images
from embeddings.training.recipe import from_mapping

app = typer.Typer(pretty_exceptions_enable=False)
QUALITY = "images_quality"
SIZE, WIDTH, ROWS, EPOCHS = 32, 0.125, 1_500, 20
"""Pixels a side, channels as a share of the papers', training pictures and epochs of `quality`."""
_ENCODERS = ((64, 0.5, 4), (64, 1.0, 2), (128, 1.0, 1))
"""Of `index`: pixels a side and width of an encoder; how many times the pictures it is given."""
_BATCH = 32
_WAYS: dict[str, dict[str, Any]] = {
    "frozen features": {"learn": "features"},
    "head on a frozen body": {"learn": "head", "dense": 128},
    "full fine-tuning": {"learn": "full"},
}
_SPLITS = {"cifar10": ("train", "test"), "clothing": ("train", "validation")}
_PLAIN = {"crop": 1.0, "flip": 0.0, "colour": 0.0}
_HARD = {"crop": 0.5, "colour": 0.2}


def recipes(data: Path, bodies: Path) -> dict[str, dict[str, Any]]:
    """Every run by name; those that go on from another one come behind it."""

    def make(name: str, rows: int | None, **given: Any) -> dict[str, Any]:  # noqa: ANN401
        train, test = _SPLITS[name]
        base: dict[str, Any] = {
            "shape": {"size": SIZE, "width": WIDTH},
            "train": [{"path": str(data / name / f"{train}.parquet"), "sample": rows}],
            "test": [{"path": str(data / name / f"{test}.parquet"), "sample": 500}],
            "optimiser": {"learning_rate": 3e-3},
            "run": {"epochs": EPOCHS, "batch": 32, "evaluations": 1, "device": "cpu"},
        }
        for key, value in given.items():
            both = isinstance(value, dict) and isinstance(base.get(key), dict)
            base[key] = base[key] | value if both else value
        return base

    made: dict[str, dict[str, Any]] = {}
    for body in BACKBONES:
        made[f"clothing {body}"] = make("clothing", ROWS, body=body)
    for name, augment in (("without augmentation", _PLAIN), ("augmented hard", _HARD)):
        made[f"clothing resnet {name}"] = make("clothing", ROWS, body="resnet", augment=augment)
    made["clothing resnet in-batch"] = make(
        "clothing", ROWS, body="resnet", loss={"name": "in-batch"}
    )
    made["cifar10 resnet body"] = make("cifar10", 2 * ROWS, body="resnet")
    for way, said in _WAYS.items():
        body = str(bodies / "cifar10-resnet-body")
        made[f"clothing {way}"] = make("clothing", ROWS, body=body, **said)
    for body in BACKBONES:
        made[f"cifar10 {body}"] = make("cifar10", ROWS, body=body)
    return made


@app.command()
def quality(
    data: Annotated[Path, typer.Option(exists=True)],
    work: Annotated[Path, typer.Option()] = Path("/tmp/meari-images"),  # noqa: S108
    only: Annotated[str, typer.Option(help="Names that begin so.")] = "",
    seconds: Annotated[float, typer.Option(help="No run is begun behind it.")] = 3_600.0,
) -> None:
    """Train what is not in the results yet."""
    begun = time.perf_counter()
    path = RESULTS / f"{QUALITY}.json"
    runs: dict[str, Any] = json.loads(path.read_bytes())["runs"] if path.is_file() else {}
    for name, recipe in recipes(data, work).items():
        if name in runs or not name.startswith(only):
            continue
        if time.perf_counter() - begun > seconds:
            break
        out = work / name.replace(" ", "-")
        receipt = train_images(from_mapping(ImageRecipe, recipe), out, resume=True)
        runs[name] = {
            "weights": receipt["extra"]["weights"],
            "learned": receipt["extra"]["learned"],
            "pictures": receipt["extra"]["pictures"],
            "recipe": {key: receipt["recipe"][key] for key in ("shape", "loss", "augment", "run")},
            "scores": receipt["scores"].get("test after") or receipt["scores"]["test"],
            "seconds": round(receipt["seconds"], 1),
            "best_step": receipt["extra"]["best_step"],
        }
        print(name, runs[name]["scores"])
        save(QUALITY, {"runs": runs})


@app.command()
def cost(
    size: int = SIZE,
    width: float = WIDTH,
    seconds: Annotated[float, typer.Option(help="Of each measurement.")] = 1.5,
    rounds: Annotated[int, typer.Option(min=1)] = 3,
) -> None:
    """Pictures a second, to encode and to learn from, of all backbones by turns."""
    from embeddings.images.network import ImageNetwork, NetworkConfig
    from embeddings.training.flops import cost_of

    torch.manual_seed(0)
    networks, optimisers = {}, {}
    for body in BACKBONES:
        network = ImageNetwork(NetworkConfig(body, size=size, width=width))
        networks[body] = torch.nn.Sequential(network)
        optimisers[body] = torch.optim.AdamW(network.parameters(), lr=1e-4, fused=True)
    pixels = torch.randint(0, 256, (_BATCH, 3, size, size), dtype=torch.uint8)
    taken: dict[str, dict[str, list[float]]] = {
        body: {"encode": [], "train": []} for body in BACKBONES
    }
    for _ in range(rounds):
        for body in BACKBONES:
            network = networks[body][0]
            taken[body]["encode"].append(_rate(partial(_encode, network, pixels), seconds))
            learn = partial(_learn, network, pixels, optimisers[body])
            taken[body]["train"].append(_rate(learn, seconds))
    result = {}
    for body in BACKBONES:
        first = networks[body][0]
        networks[body].device = torch.device("cpu")
        result[body] = {
            "weights": sum(each.numel() for each in first.parameters()),
            "flops": cost_of(networks[body]).picture / 3,
            "dim": first.get_embedding_dimension(),
            **{way: round(statistics.median(rates), 1) for way, rates in taken[body].items()},
        }
        print(body, result[body])
    ratio = {way: result["mobilenet"][way] / result["vgg"][way] for way in ("encode", "train")}
    print("mobilenet / vgg", ratio)
    facts = {"size": size, "width": width, "batch": _BATCH, "threads": torch.get_num_threads()}
    save("images_cost", {**facts, "backbones": result, "mobilenet_against_vgg": ratio})


@app.command()
def index(
    data: Annotated[Path, typer.Option(exists=True)],
    pictures: Annotated[int, typer.Option(min=64)] = 256,
    rounds: Annotated[int, typer.Option(min=1)] = 3,
) -> None:
    """Pictures a second of `encode` on files and of indexing the same files, by turns.

    Seconds of the processor are counted too: where others compute beside, they tell more.
    """
    import tempfile

    import pyarrow.parquet as pq

    from indexing.data_folder import DataFolder

    torch.manual_seed(0)
    results = []
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        table = pq.read_table(data / "clothing" / "train.parquet", columns=["image"])
        files = [each.as_py() for each in table["image"][: _ENCODERS[0][2] * pictures]]
        with DataFolder.open(root / "data", maintain=False) as store:
            for size, width, times in _ENCODERS:
                photos = root / f"photos-{size}-{width}"
                photos.mkdir()
                for number, content in enumerate(files[: times * pictures]):
                    (photos / f"{number:05}.jpg").write_bytes(content)
                found = _index_by_turns(store, photos, root, size, width, rounds)
                shape = {"size": size, "width": width, "pictures": times * pictures}
                results.append(shape | found)
                print(results[-1])
    save("images_index", {"backbone": "resnet", "encoders": results})


def _index_by_turns(
    store: Any,  # noqa: ANN401
    photos: Path,
    root: Path,
    size: int,
    width: float,
    rounds: int,
) -> dict[str, Any]:
    from sentence_transformers import SentenceTransformer

    from embeddings.images.network import ImageNetwork, NetworkConfig
    from embeddings.load import load_encoder
    from indexing.ingest import IngestOptions, ingest

    folder = root / f"encoder-{size}-{width}"
    network = ImageNetwork(NetworkConfig("resnet", size=size, width=width))
    model = SentenceTransformer(modules=[network], device="cpu")
    model.save(str(folder), create_model_card=False)
    encoder: Any = load_encoder(folder, device="cpu")
    files = sorted(photos.iterdir())

    def encode(_: int) -> tuple[float, float]:
        return _timed(lambda: encoder.encode(files, role="document"))

    def ingest_all(turn: int) -> tuple[float, float]:
        collection = store.create(f"c{size}-{10 * width:.0f}-{turn + 1}", encoder=str(folder))
        _ = collection.encoder  # loading it is no part of indexing
        return _timed(lambda: ingest([str(photos)], collection, encoder, IngestOptions()))

    ingest_all(-1)  # the analyzer is loaded once
    encode(-1)
    turns = [(encode(turn), ingest_all(turn)) for turn in range(rounds)]
    found: dict[str, Any] = {}
    for place, what in enumerate(("seconds", "processor_seconds")):
        alone = [encoding[place] for encoding, _ in turns]
        done = [indexing[place] for _, indexing in turns]
        shares = [one / other for one, other in zip(alone, done, strict=True)]
        found[what] = {
            "encode": [round(each, 3) for each in alone],
            "index": [round(each, 3) for each in done],
            "share": round(statistics.median(shares), 3),
        }
    for way in ("encode", "index"):
        seconds = statistics.median(found["seconds"][way])
        found[f"{way}_rate"] = round(len(files) / seconds, 1)
    return found


def _timed(work: Any) -> tuple[float, float]:  # noqa: ANN401 - a function
    """Seconds it takes, and seconds of all processors."""
    begun, computed = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - begun, time.process_time() - computed


def _encode(network: Any, pixels: torch.Tensor) -> None:  # noqa: ANN401
    network.eval()
    with torch.inference_mode():
        network({"pixel_values": pixels})


def _learn(network: Any, pixels: torch.Tensor, optimiser: Any) -> None:  # noqa: ANN401
    network.train()
    optimiser.zero_grad(set_to_none=True)
    network({"pixel_values": pixels})["sentence_embedding"].square().mean().backward()
    optimiser.step()


def _rate(work: Any, seconds: float) -> float:  # noqa: ANN401 - a function
    """Pictures a second of a batch that is computed again and again; the first is left out."""
    work()
    begun, done = time.perf_counter(), 0
    while time.perf_counter() - begun < seconds:
        work()
        done += _BATCH
    return done / (time.perf_counter() - begun)


if __name__ == "__main__":
    app()
