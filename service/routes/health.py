"""Is it alive, is it ready, how is it, what did it do: without a key and at any time."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

from fastapi.responses import Response

from service.access.caller import as_the_service
from service.errors import NotReadyError
from service.metrics import CONTENT_TYPE
from service.routes.access import AnyEngine, refusals, router
from service.schemas.health import (
    CollectionHealth,
    EncoderHealth,
    HealthAnswer,
    LiveAnswer,
    ReadyAnswer,
)

if TYPE_CHECKING:
    from embeddings.types import EncoderCard
    from indexing.local import LocalCollection
    from service.engine import Engine
    from service.schemas.health import Status

routes = router("health")


@routes.get("/livez", summary="Does the process answer?", responses=refusals())
async def livez() -> LiveAnswer:
    """200 as soon as the port is open, whatever is still loading."""
    return LiveAnswer()


@routes.get("/readyz", summary="Can it do its work?", responses=refusals())
async def readyz(engine: AnyEngine) -> ReadyAnswer:
    """200 once the encoder is loaded and the collections are open; 503 with the reason before.

    `missing` says what does not work all the same: collections that cannot be opened, named to
    those who may see them, and writes, while disk or memory is short.
    """
    if engine.readiness.phase != "ready":
        raise NotReadyError(f"not ready: {engine.readiness.reason}")
    encoder = engine.folder.loaded_encoder(engine.settings.encoder)
    missing = [*_unusable(engine), *map(engine.without_folder, engine.resources.shortages())]
    return ReadyAnswer(
        status="degraded" if missing else "ok",
        encoder=_computing(encoder.card) if encoder else None,
        missing=missing,
    )


@routes.get("/health", summary="How is it?", responses=refusals())
async def health(engine: AnyEngine) -> HealthAnswer:
    """200 in every state; `status` and `reason` tell, and what is wrong with collections.

    Where keys are asked for, only the collections that the key sent along sees are named.
    """
    readiness = engine.readiness
    collections: list[CollectionHealth] = []
    sick = ""
    if readiness.phase in {"ready", "failed"}:
        collections, sick = await engine.watch(_collections, engine)
    status: Status = "ok" if readiness.phase == "ready" else readiness.phase
    reason = readiness.reason
    if status == "ok" and sick:
        status, reason = "degraded", f"collections with problems: {sick}"
    return HealthAnswer(
        status=status,
        reason=reason,
        version=version("meari"),
        started=engine.started,
        encoder=engine.settings.encoder,
        collections=collections,
    )


@routes.get(
    "/metrics",
    summary="What has it done?",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}, **refusals()},
)
async def show_metrics(engine: AnyEngine) -> Response:
    """Counters, histograms and gauges in Prometheus' text format."""
    text = await engine.watch(engine.metrics.to_text)
    return Response(text, headers={"Content-Type": CONTENT_TYPE})


def _unusable(engine: Engine) -> list[str]:
    """Collections that could not be opened when somebody last tried."""
    problems, seen = engine.problems, engine.seen_problems
    told = [f"collection {name}: {problem}" for name, problem in sorted(seen.items())]
    hidden = len(problems) - len(seen)
    return [*told, f"{hidden} collections that are not shown"] if hidden else told


def _computing(card: EncoderCard) -> EncoderHealth:
    return EncoderHealth(
        name=card.name,
        runtime=card.runtime,
        precision=card.dtype,
        parity=dict(card.parity),
        fallback=card.fallback,
    )


def _collections(engine: Engine) -> tuple[list[CollectionHealth], str]:
    """Those that whoever asks sees, by name; and which are sick, the others as a number."""
    with as_the_service() as asking:
        usable = engine.for_each(_health, wait=False)
        unusable = [
            CollectionHealth(name=name, documents=None, problems=[problem])
            for name, problem in engine.problems.items()
        ]
    everything = sorted([*usable, *unusable], key=lambda each: each.name)
    seen = [each for each in everything if asking.sees(each.name)]
    sick = [each.name for each in seen if each.problems]
    others = sum(bool(each.problems) for each in everything) - len(sick)
    return seen, ", ".join([*sick, *([f"{others} not shown"] if others else [])])


def _health(collection: LocalCollection) -> CollectionHealth:
    return CollectionHealth(
        name=collection.card.name,
        documents=collection.count(),
        problems=list(collection.problems),
    )
