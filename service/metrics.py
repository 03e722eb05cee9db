"""What the service counts, for Prometheus.

Names start with `meari_`, times are seconds and sizes bytes. Every label has few values whatever
is asked: routes are templates, and no label comes from a request's body.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from prometheus_client import (
    CollectorRegistry,
    Counter,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from prometheus_client.metrics_core import Metric
    from prometheus_client.registry import Collector

    from indexing.types import SearchReceipt, WriteReceipt
    from service.jobs.types import Job

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4

METHODS = frozenset(
    {"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"}
)
_OTHER_METHOD = "other"
_MOST_SERIES = 1024
"""Of requests, found already: more than there are methods, routes and statuses that are met."""
_REQUEST_SECONDS = (
    *(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5),
    *(1.0, 2.5, 5.0, 10.0, 30.0, 60.0),
)
_STAGE_SECONDS = (
    *(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5),
    *(1.0, 2.5, 5.0),
)
_WAIT_SECONDS = (0.0001, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_BATCH_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
_JOB_SECONDS = (0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 180.0, 600.0, 1800.0)
_OUTCOMES = ("added", "changed", "relabelled", "unchanged")


class Metrics:
    """Counters and histograms in a registry of their own; safe to use from several threads."""

    def __init__(self) -> None:
        registry = self._registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        GCCollector(registry=registry)
        self._requests = Counter(
            "meari_http_requests",
            "Requests answered; route is its template, or - where nothing answers",
            ["method", "route", "status"],
            registry=registry,
        )
        self._refusals = Counter(
            "meari_refusals",
            "Requests answered with an error, by its code",
            ["code"],
            registry=registry,
        )
        self._audit_failures = Counter(
            "meari_audit_failures",
            "Writes that happened and of which the audit log could not be told",
            registry=registry,
        )
        self._request_seconds = Histogram(
            "meari_http_request_seconds",
            "Time from a request's head to the end of its answer, waiting included",
            ["method", "route"],
            buckets=_REQUEST_SECONDS,
            registry=registry,
        )
        self._stage_seconds = Histogram(
            "meari_search_stage_seconds",
            "Time of a search by stage; stages that a search has not are not observed",
            ["stage"],
            buckets=_STAGE_SECONDS,
            registry=registry,
        )
        self._searches = Counter(
            "meari_searches",
            "Searches answered, by what answered (vector index, bm25) and whether exactly",
            ["index", "exact"],
            registry=registry,
        )
        self._searches_together = Histogram(
            "meari_search_batch_requests",
            "Searches answered together; those that take long by themselves are answered alone",
            buckets=_BATCH_SIZES,
            registry=registry,
        )
        self._search_wait = Histogram(
            "meari_search_wait_seconds",
            "Time from a search's coming until the batch that it is answered in begins",
            buckets=_WAIT_SECONDS,
            registry=registry,
        )
        self._no_good_answer = Counter(
            "meari_search_no_good_answer",
            "Searches of whose matches probably none answers, by the collection's calibration",
            registry=registry,
        )
        self._queries_truncated = Counter(
            "meari_queries_truncated",
            "Search queries that the encoder did not read to their end",
            registry=registry,
        )
        self._documents_written = Counter(
            "meari_documents_written",
            "Documents of upserts, by what became of them",
            ["outcome"],
            registry=registry,
        )
        for outcome in _OUTCOMES:  # a series that starts at 0 shows its first step
            self._documents_written.labels(outcome)
        self._encoded_tokens = Counter(
            "meari_encoded_tokens",
            "Tokens of texts that were encoded (documents, queries, embeddings), before any cut",
            registry=registry,
        )
        self._batch_requests = Histogram(
            "meari_encode_batch_requests",
            "Requests whose texts were encoded in one batch; writes have batches of their own",
            buckets=_BATCH_SIZES,
            registry=registry,
        )
        self._batch_texts = Histogram(
            "meari_encode_batch_texts",
            "Texts encoded in one batch",
            buckets=_BATCH_SIZES,
            registry=registry,
        )
        self._encode_wait = Histogram(
            "meari_encode_wait_seconds",
            "Time from a request's coming until the first of its texts is encoded",
            buckets=_WAIT_SECONDS,
            registry=registry,
        )
        self._cached_queries = Counter(
            "meari_query_vectors",
            "Query vectors asked for, by whether they were kept from an earlier request",
            ["cached"],
            registry=registry,
        )
        self._truncated_documents = Counter(
            "meari_truncated_documents",
            "Documents written that the encoder did not read to their end",
            registry=registry,
        )

        self._jobs = Counter(
            "meari_jobs",
            "Jobs that are over, by kind and how they ended",
            ["kind", "state"],
            registry=registry,
        )
        for state in ("done", "failed"):  # so that the first backup that fails shows as a step
            self._jobs.labels("backup", state)
        self._job_seconds = Histogram(
            "meari_job_seconds",
            "Time that jobs ran which are done, waiting left out",
            ["kind"],
            buckets=_JOB_SECONDS,
            registry=registry,
        )

        self._series_of = lru_cache(_MOST_SERIES)(self._find_series)

    def _find_series(self, method: str, route: str, status: int) -> tuple[Counter, Histogram]:
        """Where a request is counted; finding it takes as long as counting does."""
        seconds = self._request_seconds.labels(method, route)
        return self._requests.labels(method, route, str(status)), seconds

    def add(self, collector: Collector) -> None:
        """Have `collector` tell what it knows at each scrape."""
        self._registry.register(collector)

    def count_request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request, answered with `status`."""
        method = method if method in METHODS else _OTHER_METHOD
        counter, histogram = self._series_of(method, route, status)
        counter.inc()
        histogram.observe(seconds)

    def count_refusal(self, code: str) -> None:
        """Count one request answered with an error of that code."""
        self._refusals.labels(code).inc()

    def count_audit_failure(self) -> None:
        """Count one line that the audit log lacks."""
        self._audit_failures.inc()

    def count_search(self, receipt: SearchReceipt) -> None:
        """Count one search."""
        self._searches.labels(receipt.index, "true" if receipt.exact else "false").inc()
        stages = dict(receipt.milliseconds)
        stages.pop("total", None)  # the sum over stages would count every moment twice
        if receipt.query_tokens is None:
            stages.pop("encode", None)  # there was nothing to encode
        for stage, milliseconds in stages.items():
            self._stage_seconds.labels(stage).observe(milliseconds / 1000)
        if receipt.no_good_answer:
            self._no_good_answer.inc()
        if receipt.query_truncated:
            self._queries_truncated.inc()
        self.count_tokens(receipt.query_tokens or 0)

    def count_searches_together(self, waited: Sequence[float]) -> None:
        """Count one batch of searches that waited so many seconds each."""
        self._searches_together.observe(len(waited))
        for seconds in waited:
            self._search_wait.observe(seconds)

    def count_write(self, receipt: WriteReceipt) -> None:
        """Count the documents of one upsert."""
        for outcome in _OUTCOMES:
            self._documents_written.labels(outcome).inc(getattr(receipt, outcome))
        self._truncated_documents.inc(len(receipt.truncated))
        self.count_tokens(receipt.tokens)

    def count_tokens(self, tokens: int) -> None:
        """Count tokens of texts that were encoded."""
        self._encoded_tokens.inc(tokens)

    def count_batch(self, requests: int, texts: int) -> None:
        """Count one batch of texts encoded together."""
        self._batch_requests.observe(requests)
        self._batch_texts.observe(texts)

    def count_encode_wait(self, seconds: float) -> None:
        """Count how long one request waited for its first batch."""
        self._encode_wait.observe(seconds)

    def count_query_vectors(self, kept: int, missing: int) -> None:
        """Count vectors of queries that were kept, and those that were not."""
        self._cached_queries.labels("true").inc(kept)
        self._cached_queries.labels("false").inc(missing)

    def count_job(self, job: Job, seconds: float) -> None:
        """Count one job that is over, after running so long."""
        self._jobs.labels(job.kind, job.state).inc()
        if job.state == "done":
            self._job_seconds.labels(job.kind).observe(seconds)

    def to_text(self) -> bytes:
        """Everything in the text format, `CONTENT_TYPE`; asks the collectors, which may block."""
        return generate_latest(_Shown(self._registry))


class _Shown:
    """A registry without the `_created` series, which would double the number of all others."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def collect(self) -> Iterator[Metric]:
        for metric in self._registry.collect():
            created = f"{metric.name}_created"
            metric.samples = [sample for sample in metric.samples if sample.name != created]
            yield metric
