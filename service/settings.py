"""What an installation can choose; the only reader of the environment."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from embeddings.load import DEFAULT_ENCODER, Computing, Runtime
from embeddings.processors import usable_processors
from service.names import check_hosts, check_origins, split
from service.sizes import parse_size

MIB = 1 << 20
KIB = 1 << 10


def _read_size(value: Any) -> Any:  # noqa: ANN401 - judged by pydantic next
    return parse_size(value) if isinstance(value, str) else value


Bytes = Annotated[int, Field(ge=1)]
Size = Annotated[int, Field(ge=1), BeforeValidator(_read_size)]
Threads = Annotated[int, Field(ge=1, le=256)]


class Settings(BaseSettings):
    """Choices for the service; each is also an environment variable (`MEARI_PORT=9000`).

    Attributes:
        data: the data folder; made if missing.
        encoder: for new collections that name none, and for `/v1/embeddings`.
        reranker: folder of a cross-encoder, for searches that ask to be reranked; None: none may.
        memory: bytes that a collection's index may keep in memory (`700M`), unless the collection
            was told otherwise; None: no bound.
        process_memory: bytes that the process and its jobs may take (`4GB`); what writes or is
            large is refused before they take more. None: nine tenths of a container's limit, or
            eight of the machine's memory where there is none.
        disk_floor: bytes of the data folder's disk that stay free; what writes is refused before.
        sample_rate: share of the searches through an index that are answered again, exactly and in
            the background, to watch its recall; 0 answers none again.
        device: `cpu`, `cuda`, `cuda:1`, `mps`; None takes a GPU where there is one.
        runtime: what computes vectors on a CPU: `auto` (OpenVINO in the fastest precision that
            agrees with the library, else torch), `torch`, or OpenVINO in `int8`, `bfloat16` or
            `float32`.
        threads: that compute vectors on a CPU; None takes one for each processor.
        cache: folder for compiled encoders; None is this system's (`~/.cache/meari` on Linux).
        backups: folder for backups that are asked for over HTTP, and of verbs that name none; None:
            none can be.
        host: address to listen on; one that other machines reach needs an API key, or `open`.
        port: 0 takes a free one.
        open: serve other machines without any key: whoever reaches the port may do everything.
            Where there are keys they are asked for all the same.
        open_metrics: answer `/metrics`, which names collections, without a key.
        hosts: names, with commas between, that requests may speak to besides this machine's own.
            Empty: any where there are keys, this machine's own where there are none.
        origins: of pages (`https://search.example`, commas between) that browsers may let read
            answers; empty: of none but this service's own.
        audit_bytes: of a file of the audit log of writes (`16MiB`); 0 keeps none.
        api_key: sent by verbs that speak to a server.
        api_key_file: file it stands in, in place of `api_key`.
        max_body_bytes: of a request with documents to store or texts to classify.
        max_input_bytes: of a request with texts to encode, compare or rank, and of a search.
        max_request_bytes: of any other request.
        max_body_seconds: until a request's body has come.
        max_read_seconds: until a request that writes nothing is answered.
        max_head_seconds: until a request's line and headers have come.
        max_write_seconds: in which a client has to read some of an answer that waits for it.
        max_connections: open at the same time; beyond, who is idle longest gives its place up.
        grace_seconds: that requests in progress have when the service is stopped.
        max_query_bytes: UTF-8 bytes of one search query or one text to embed.
        max_texts: texts in one request to encode, compare or rank them.
        max_input_tokens: tokens of all of them, before any cut.
        max_documents: documents in one upsert, ids in one deletion.
        search_threads: searches running at once, more of them wait; None takes one for each
            processor, but two at least: more of them only take turns.
        read_threads: other reads running at once.
        write_threads: writes running at once; writes to one collection take turns anyway.
        encode_threads: batches of texts encoded at once, by all encoders together.
        batch_tokens: estimated tokens of the texts, of all requests, that are encoded at once.
        batch_wait_ms: how long a batch waits at most for those whose texts were in the one before;
            after a batch of one request none does.
        query_cache: vectors of recent queries that are kept; 0 keeps none.
        max_waiting: requests that wait for the threads of reads, as many for those of writes, and
            as many for the encoder; more are refused with 429.
        job_workers: jobs (clusters, outliers, ...) that run at once, each in a process of its own.
        job_threads: that compute for each of them; None leaves one processor to everything else.
        job_niceness: how far jobs give way to everything else, 0 (not at all) to 19.
        max_jobs: jobs that wait for their turn; more are refused with 429.
        job_history: jobs remembered; of those that are over the oldest are forgotten.
        traces: OTLP collector that OpenTelemetry's traces go to (`http://collector:4318`), with the
            extra `traces`; None: that of `OTEL_EXPORTER_OTLP_ENDPOINT`, if it is set; `off`: none.
        log_level: least severe message written.
        log_format: `text` for people, `json` for machines.
    """

    model_config = SettingsConfigDict(env_prefix="MEARI_", frozen=True, extra="forbid")

    data: Path = Path("meari-data")
    encoder: Annotated[str, Field(min_length=1)] = DEFAULT_ENCODER
    reranker: Path | None = None
    memory: Size | None = None
    process_memory: Size | None = None
    disk_floor: Annotated[int, Field(ge=0), BeforeValidator(_read_size)] = 256 * MIB
    sample_rate: Annotated[float, Field(ge=0, le=1)] = 0.005
    device: str | None = None
    runtime: Runtime = "auto"
    threads: Threads | None = None
    cache: Path | None = None
    backups: Path | None = None
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 8080
    open: bool = False
    open_metrics: bool = True
    hosts: Annotated[str, AfterValidator(check_hosts)] = ""
    origins: Annotated[str, AfterValidator(check_origins)] = ""
    audit_bytes: Annotated[int, Field(ge=0), BeforeValidator(_read_size)] = 16 * MIB
    api_key: SecretStr | None = None
    api_key_file: Path | None = None
    max_body_bytes: Bytes = 64 * MIB
    max_input_bytes: Bytes = 16 * MIB
    max_request_bytes: Bytes = 1 * MIB
    max_body_seconds: Annotated[float, Field(gt=0)] = 300
    max_read_seconds: Annotated[float, Field(gt=0)] = 120
    max_head_seconds: Annotated[float, Field(gt=0)] = 20
    max_write_seconds: Annotated[float, Field(gt=0)] = 60
    max_connections: Annotated[int, Field(ge=1)] = 1000
    grace_seconds: Annotated[float, Field(ge=0)] = 30
    max_query_bytes: Bytes = 64 * KIB
    max_texts: Annotated[int, Field(ge=1)] = 2048
    max_input_tokens: Annotated[int, Field(ge=1)] = 300_000
    max_documents: Annotated[int, Field(ge=1)] = 10_000
    search_threads: Threads | None = None
    read_threads: Threads = 8
    write_threads: Threads = 4
    encode_threads: Threads = 4
    batch_tokens: Annotated[int, Field(ge=1)] = 4096
    batch_wait_ms: Annotated[float, Field(ge=0, le=1000)] = 2
    query_cache: Annotated[int, Field(ge=0, le=1_000_000)] = 1024
    max_waiting: Annotated[int, Field(ge=1)] = 256
    job_workers: Annotated[int, Field(ge=1, le=64)] = 1
    job_threads: Threads | None = None
    job_niceness: Annotated[int, Field(ge=0, le=19)] = 10
    max_jobs: Annotated[int, Field(ge=1)] = 32
    job_history: Annotated[int, Field(ge=1)] = 1000
    traces: str | None = None
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["text", "json"] = "text"

    @property
    def searches_at_once(self) -> int:
        """How many searches run at the same time."""
        return self.search_threads or max(2, self.threads or usable_processors())

    @property
    def omp_threads(self) -> int | None:
        """Threads that `OMP_NUM_THREADS` has numpy and torch take; None where it says nothing."""
        told = os.environ.get("OMP_NUM_THREADS", "")
        return int(told) if told.isdecimal() else None

    @property
    def malloc_arenas(self) -> int | None:
        """Between how many arenas glibc shares threads out; None: as the environment says."""
        if {"MALLOC_ARENA_MAX", "GLIBC_TUNABLES"} & os.environ.keys():
            return None
        return max(2, usable_processors())

    @property
    def trace_endpoint(self) -> str | None:
        """Where traces are sent; None: nowhere."""
        if self.traces == "off":
            return None
        own = os.environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
        if not self.traces and own:
            return own
        base = self.traces or os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT")
        return f"{base.rstrip('/')}/v1/traces" if base else None

    @property
    def computing(self) -> Computing:
        """Where and by what vectors are computed."""
        cache = self.cache.expanduser() if self.cache else None
        return Computing(self.device, self.runtime, cache, self.threads)

    @property
    def host_names(self) -> tuple[str, ...]:
        """The names of `hosts`, in lower case."""
        return split(self.hosts)

    @property
    def origin_names(self) -> tuple[str, ...]:
        """The origins of `origins`."""
        return split(self.origins)

    @property
    def url(self) -> str:
        """Where the service answers, as others are told."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"
