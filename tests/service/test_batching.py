"""Texts of many requests in one batch: what each gets, in which order, and what it costs others."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embeddings.errors import EncoderRefusedError, InvalidInputError
from embeddings.hashing import HashEncoder
from service.batching import Batcher
from service.errors import BusyError, NotReadyError
from service.lanes import encode_together, estimate_tokens
from service.metrics import Metrics

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence
    from typing import Any

    from embeddings.types import Encoding, Role

SINGLE = HashEncoder(8)
FOREVER = 1e6


class Told(HashEncoder):
    """Remembers what it was asked, fails on texts that say `bad`."""

    def __init__(self, dim: int = 8) -> None:
        super().__init__(dim)
        self.batches: list[tuple[Role, list[str]]] = []

    @property
    def texts(self) -> list[list[str]]:
        return [texts for _, texts in self.batches]

    def encode(self, inputs: Sequence[str], *, role: Role) -> Encoding:
        self.batches.append((role, list(inputs)))
        if any("bad" in text for text in inputs):
            raise RuntimeError("a bad text")
        return super().encode(inputs, role=role)


class Held(Told):
    """Each batch is computed once the test lets it through."""

    def __init__(self, dim: int = 8) -> None:
        super().__init__(dim)
        self.entered = threading.Semaphore(0)
        self.let = threading.Semaphore(0)

    def encode(self, inputs: Sequence[str], *, role: Role) -> Encoding:
        encoding = super().encode(inputs, role=role)
        self.entered.release()
        assert self.let.acquire(timeout=30)
        return encoding

    async def begun(self) -> None:
        """Wait until a batch is in the thread."""
        assert await asyncio.to_thread(self.entered.acquire, timeout=30)

    def finish(self, batches: int = 1) -> None:
        self.let.release(batches)


def batcher(**chosen: object) -> Batcher:
    given: dict[str, Any] = {
        "tokens": 1_000,
        "wait": 0.0,
        "most_waiting": 100,
        "threads": 2,
        "cached": 0,
        "metrics": Metrics(),
    }
    return Batcher(**{**given, **chosen})


def run(scenario: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """In a thread of its own: a browser's driver leaves a loop running in that of the tests."""

    async def bounded() -> None:
        await asyncio.wait_for(scenario(), 60)

    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, bounded()).result()


async def settle() -> None:
    """Let everything that can go on do so."""
    for _ in range(5):
        await asyncio.sleep(0)


def assert_same(found: Encoding, texts: Sequence[str]) -> None:
    expected = SINGLE.encode(texts, role="query")
    np.testing.assert_allclose(found.vectors, expected.vectors, atol=1e-6)
    assert found.vectors.dtype == np.float32
    assert found.tokens.tolist() == expected.tokens.tolist()
    assert found.truncated.tolist() == expected.truncated.tolist()
    assert found.unknown.tolist() == expected.unknown.tolist()


# -- what each request gets ------------------------------------------------------------------


@dataclass
class Sent:
    """A request of a random scenario."""

    texts: list[str]
    role: Role
    turns_before: int
    gone_after: int | None
    outcome: object = field(default=None)


WORDS = st.sampled_from(["배송", "언제", "cat", "dog", "a b c d e f", "bad", "x" * 100, "?!"])
TEXTS = st.lists(WORDS, min_size=1, max_size=3).map(" ".join)
SENT = st.builds(
    Sent,
    texts=st.lists(TEXTS, max_size=12),
    role=st.sampled_from(["query", "document"]),
    turns_before=st.integers(0, 6),
    gone_after=st.none() | st.none() | st.integers(0, 8),
)


@settings(max_examples=100, deadline=None)
@given(
    requests=st.lists(SENT, min_size=1, max_size=12),
    tokens=st.integers(1, 60),
    cached=st.sampled_from([0, 4, 1000]),
    wait=st.sampled_from([0.0, 0.001]),
)
def test_any_interleaving_gives_what_each_would_get_alone(
    requests: list[Sent], tokens: int, cached: int, wait: float
):
    async def scenario() -> None:
        encoder = Told()
        shared = batcher(tokens=tokens, cached=cached, wait=wait)
        tasks = []
        for request in requests:
            for _ in range(request.turns_before):
                await asyncio.sleep(0)
            task = asyncio.create_task(shared.encode(encoder, request.texts, request.role))
            tasks.append(task)
            if request.gone_after is not None:
                asyncio.create_task(leave(task, request.gone_after))  # noqa: RUF006
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert shared.waiting == 0
        for request, outcome in zip(requests, outcomes, strict=True):
            judge(request, outcome)
        for role, texts in encoder.batches:
            asked = {text for each in requests if each.role == role for text in each.texts}
            assert set(texts) <= asked, "roles are not mixed"
            assert len(set(texts)) == len(texts)
        shared.close()
        shared.shut_down()

    run(scenario)


async def leave(task: asyncio.Task[Encoding], turns: int) -> None:
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()


def judge(request: Sent, outcome: Encoding | BaseException) -> None:
    if isinstance(outcome, asyncio.CancelledError):
        assert request.gone_after is not None
    elif any("bad" in text for text in request.texts):
        assert isinstance(outcome, RuntimeError), "its own fault"
    else:
        assert not isinstance(outcome, BaseException), outcome
        assert_same(outcome, request.texts)


def test_one_bad_text_fails_its_own_request_alone():
    async def scenario() -> None:
        encoder = Told()
        shared = batcher()
        asked = [["one"], ["two", "a bad one"], ["three", "four"]]
        found = await asyncio.gather(
            *(shared.encode(encoder, texts, "query") for texts in asked), return_exceptions=True
        )
        assert_same(found[0], asked[0])
        assert isinstance(found[1], RuntimeError)
        assert_same(found[2], asked[2])
        assert encoder.texts[1:] == asked, "the members alone, behind the batch that failed"

    run(scenario)


def test_of_a_request_that_failed_nothing_more_is_computed():
    async def scenario() -> None:
        encoder = Told()
        shared = batcher(tokens=3)
        texts = ["a bad one", *(f"text {number}" for number in range(50))]
        with pytest.raises(RuntimeError, match="a bad text"):
            await shared.encode(encoder, texts, "query")
        await settle()
        assert encoder.texts == [["a bad one"]]
        assert shared.waiting == 0

    run(scenario)


def test_a_text_that_nobody_could_encode_is_named_by_its_place_in_the_request():
    async def scenario() -> None:
        encoder = Told()
        shared = batcher()
        for texts in (["one", " "], ["one", "\ud800"], ["x" * 70_000, " "]):
            with pytest.raises(InvalidInputError, match="input 1"):
                await shared.encode(encoder, texts, "query")
        with pytest.raises(TypeError, match="pass a list of strings"):
            await shared.encode(encoder, "one", "query")
        assert encoder.batches == []

    run(scenario)


def test_no_texts_cost_nothing():
    async def scenario() -> None:
        encoder = Told()
        found = await batcher().encode(encoder, [], "document")
        assert found.vectors.shape == (0, 8)
        assert encoder.batches == []

    run(scenario)


# -- who waits for whom ----------------------------------------------------------------------


def test_a_lone_request_goes_at_once_and_the_next_batch_collects():
    async def scenario() -> None:
        encoder = Held()
        shared = batcher(wait=FOREVER)
        first = asyncio.create_task(shared.encode(encoder, ["first"], "query"))
        await encoder.begun()
        later = [
            asyncio.create_task(shared.encode(encoder, [f"later {n}"], "query")) for n in range(5)
        ]
        await settle()
        assert shared.waiting == 5
        encoder.finish()
        assert_same(await first, ["first"])
        await encoder.begun()
        assert shared.waiting == 0
        encoder.finish()
        for number, found in enumerate(await asyncio.gather(*later)):
            assert_same(found, [f"later {number}"])
        assert encoder.texts == [["first"], [f"later {n}" for n in range(5)]]

    run(scenario)


class Twin(Held):
    """Computes two batches at a time."""

    streams = 2


def test_as_many_batches_are_computed_at_a_time_as_the_encoder_has_streams():
    async def scenario() -> None:
        encoder = Twin()
        asked = batcher()
        first = asyncio.create_task(asked.encode(encoder, ["a"], "query"))
        await encoder.begun()
        others = [asyncio.create_task(asked.encode(encoder, [text], "query")) for text in "bcdef"]
        await encoder.begun()
        # of six that are known a stream takes three; the two that are left wait for the next
        assert encoder.texts == [["a"], ["b", "c", "d"]]
        encoder.finish()
        await encoder.begun()
        assert encoder.texts[2:] == [["e", "f"]]
        encoder.finish(2)
        found = await asyncio.gather(first, *others)
        for text, encoding in zip("abcdef", found, strict=True):
            expected = SINGLE.encode([text], role="query").vectors
            np.testing.assert_array_equal(encoding.vectors, expected)

    run(scenario)


def test_a_request_of_many_texts_is_computed_by_every_stream():
    async def scenario() -> None:
        encoder = Twin()
        asking = asyncio.create_task(batcher().encode(encoder, list("abcdefg"), "document"))
        await encoder.begun()
        await encoder.begun()
        assert sorted(map(len, encoder.texts)) == [3, 4]
        encoder.finish(2)
        expected = SINGLE.encode(list("abcdefg"), role="document").vectors
        np.testing.assert_array_equal((await asking).vectors, expected)

    run(scenario)


def test_after_a_batch_of_several_the_next_waits_for_as_many():
    async def scenario() -> None:
        encoder = Told()
        shared = batcher(wait=FOREVER)

        async def ask(*texts: str) -> None:
            await asyncio.gather(*(shared.encode(encoder, [text], "query") for text in texts))

        await ask("one", "two")
        third = asyncio.create_task(ask("three"))
        await settle()
        assert shared.waiting == 1, "the other is about to ask again"
        await ask("four")
        await third
        assert encoder.texts == [["one", "two"], ["three", "four"]]

    run(scenario)


def test_whoever_does_not_come_back_is_waited_for_only_so_long():
    async def scenario() -> None:
        encoder = Told()
        shared = batcher(wait=0.01)
        await asyncio.gather(
            *(shared.encode(encoder, [text], "query") for text in ("one", "two", "three"))
        )
        await shared.encode(encoder, ["four"], "query")
        assert encoder.texts == [["one", "two", "three"], ["four"]]

    run(scenario)


def test_small_requests_overtake_a_large_one():
    async def scenario() -> None:
        encoder = Held()
        shared = batcher(tokens=10 * estimate_tokens("text 10", 256))
        many = [f"text {number}" for number in range(10, 70)]
        large = asyncio.create_task(shared.encode(encoder, many, "query"))
        await encoder.begun()
        small = [
            asyncio.create_task(shared.encode(encoder, [f"mine {number}"], "query"))
            for number in range(10, 14)
        ]
        await settle()
        encoder.finish()
        await encoder.begun()
        assert encoder.texts[1] == [
            *("text 20", "text 21", "text 22", "text 23", "text 24", "text 25"),
            *("mine 10", "mine 11", "mine 12", "mine 13"),
        ]
        encoder.finish()
        for number, found in enumerate(await asyncio.gather(*small), start=10):
            assert_same(found, [f"mine {number}"])
        assert not large.done()
        encoder.finish(100)
        assert_same(await large, many)
        assert [len(texts) for texts in encoder.texts] == [10, 10, 10, 10, 10, 10, 4]

    run(scenario)


def test_a_large_request_goes_on_however_many_small_ones_come():
    async def scenario() -> None:
        encoder = Held()
        shared = batcher(tokens=4 * estimate_tokens("text 10", 256))
        large = asyncio.create_task(
            shared.encode(encoder, [f"text {number}" for number in range(10, 20)], "query")
        )
        small = []
        for batch in range(4):
            await encoder.begun()
            small += [
                asyncio.create_task(shared.encode(encoder, [f"mine {batch}{n}"], "query"))
                for n in range(6)
            ]
            await settle()
            encoder.finish()
        encoder.finish(100)
        await asyncio.gather(large, *small)
        its = [sum(text.startswith("text") for text in texts) for texts in encoder.texts]
        assert its[0] == 4
        assert sum(its) == 10
        turns = [place for place, number in enumerate(its) if number]
        assert max(after - before for before, after in pairwise(turns)) <= 7

    run(scenario)


def test_texts_of_like_length_stand_together():
    async def scenario() -> None:
        encoder = Told()
        shared = batcher(tokens=11)
        texts = ["a", "b " * 16, "c", "d " * 16, "e"]
        found = await shared.encode(encoder, texts, "document")
        assert_same(found, texts)
        assert encoder.texts == [["b " * 16], ["d " * 16], ["a", "c", "e"]]

    run(scenario)


def test_encoders_and_roles_are_computed_apart_and_do_not_wait_for_each_other():
    async def scenario() -> None:
        held, told = Held(), Told(16)
        shared = batcher()
        slow = asyncio.create_task(shared.encode(held, ["slow"], "query"))
        await held.begun()
        found = await shared.encode(told, ["other"], "query")
        assert found.vectors.shape == (1, 16)
        held.finish(10)
        await shared.encode(held, ["slow"], "document")
        await slow
        assert held.batches == [("query", ["slow"]), ("document", ["slow"])]

    run(scenario)


# -- places ----------------------------------------------------------------------------------


def test_who_comes_when_all_places_are_taken_is_refused_and_who_leaves_frees_one():
    async def scenario() -> None:
        encoder = Held()
        shared = batcher(most_waiting=2, threads=1)

        def ask(text: str) -> asyncio.Task[Encoding]:
            return asyncio.create_task(shared.encode(encoder, [text], "query"))

        running = ask("running")
        await encoder.begun()
        waiting = [ask("patient"), ask("impatient")]
        await settle()
        with pytest.raises(BusyError, match="busy: 2 requests wait for the encoder already"):
            await ask("too late")
        waiting[1].cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting[1]
        assert shared.waiting == 1
        last = ask("in time")
        await settle()
        assert shared.waiting == 2
        encoder.finish(10)
        assert_same(await running, ["running"])
        assert_same(await waiting[0], ["patient"])
        assert_same(await last, ["in time"])
        assert encoder.texts == [["running"], ["patient", "in time"]], "nothing for who left"

    run(scenario)


def test_of_a_large_request_whose_sender_left_the_rest_is_not_computed():
    async def scenario() -> None:
        encoder = Held()
        shared = batcher(tokens=3)
        texts = [f"text {number}" for number in range(50)]
        large = asyncio.create_task(shared.encode(encoder, texts, "query"))
        await encoder.begun()
        large.cancel()
        with pytest.raises(asyncio.CancelledError):
            await large
        assert shared.waiting == 0
        encoder.finish(100)
        assert_same(await shared.encode(encoder, ["mine"], "query"), ["mine"])
        assert len(encoder.texts) == 2

    run(scenario)


def test_who_waits_when_the_service_stops_is_told_so():
    async def scenario() -> None:
        encoder = Held()
        shared = batcher()
        running = asyncio.create_task(shared.encode(encoder, ["running"], "query"))
        await encoder.begun()
        waiting = asyncio.create_task(shared.encode(encoder, ["waiting"], "query"))
        await settle()
        shared.close()
        with pytest.raises(NotReadyError, match="stopping"):
            await waiting
        with pytest.raises(NotReadyError, match="stopping"):
            await shared.encode(encoder, ["late"], "query")
        encoder.finish()
        assert_same(await running, ["running"])
        shared.shut_down()

    run(scenario)


# -- queries asked again ---------------------------------------------------------------------


def test_a_query_asked_again_is_not_encoded_again():
    async def scenario() -> None:
        encoder, other = Told(), Told(16)
        shared = batcher(cached=64)
        first = await shared.encode(encoder, ["a", "b"], "query")
        again = await shared.encode(encoder, ["b", "c", "b"], "query")
        assert_same(again, ["b", "c", "b"])
        assert again.vectors[0].tobytes() == first.vectors[1].tobytes()
        assert encoder.texts == [["a", "b"], ["c"]]
        await shared.encode(encoder, ["a"], "document")
        await shared.encode(encoder, ["a"], "document")
        await shared.encode(other, ["a"], "query")
        assert encoder.batches[2:] == [("document", ["a"])] * 2
        assert other.texts == [["a"]], "another encoder"

    run(scenario)


def test_the_queries_kept_are_the_latest():
    async def scenario() -> None:
        encoder = Told()
        shared = batcher(cached=8)
        for text in [*"abcdefgh", "a", "i", "a", "b"]:
            await shared.encode(encoder, [text], "query")
        assert encoder.texts == [[text] for text in [*"abcdefgh", "i", "b"]]
        many = [f"text {number}" for number in range(9)]
        await shared.encode(encoder, many, "query")  # so many would push out all others
        await shared.encode(encoder, ["a"], "query")
        assert encoder.texts[-1] == many
        long = "x" * 3_000
        await shared.encode(encoder, [long], "query")
        await shared.encode(encoder, [long], "query")
        assert encoder.texts[-2:] == [[long], [long]]

    run(scenario)


def test_nobody_can_change_what_is_kept():
    async def scenario() -> None:
        shared = batcher(cached=8)
        found = await shared.encode(Told(), ["a"], "query")
        with pytest.raises(ValueError, match="read-only"):
            found.vectors[0, 0] = 1
        assert_same(await shared.encode(Told(), ["a"], "query"), ["a"])

    run(scenario)


# -- parts -----------------------------------------------------------------------------------


def test_a_refusal_of_the_encoder_is_told_as_it_is():
    class Strict(HashEncoder):
        def encode(self, inputs: Sequence[str], *, role: Role) -> Encoding:
            if "no" in inputs:
                raise EncoderRefusedError("not this one")
            return super().encode(inputs, role=role)

    found = encode_together(Strict(8), "query", [["yes"], ["no", "yes"], ["well"]])
    assert_same(found[0], ["yes"])
    assert isinstance(found[1], EncoderRefusedError)
    assert_same(found[2], ["well"])


@pytest.mark.parametrize(
    ("text", "tokens"),
    [("a", 2), ("abcdefgh", 4), ("배송은 언제", 6), ("x" * 10_000, 256), ("가" * 10_000, 256)],
)
def test_tokens_are_estimated_without_reading(text: str, tokens: int):
    assert estimate_tokens(text, 256) == tokens
