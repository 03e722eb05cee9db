"""The requests of jobs and of questions about a whole collection; see `service.client.calls`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack
from urllib.parse import quote, urlencode

from service.client.calls import Call, packed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    from service.client import answers_structure as answers
    from service.client.questions_structure import (
        ClusterOptions,
        DriftOptions,
        DuplicateOptions,
        JobsWanted,
        LeakageOptions,
        MapOptions,
        OutlierOptions,
    )


def jobs(**wanted: Unpack[JobsWanted]) -> Call[answers.JobsAnswer]:
    """Jobs, newest first: of a `collection`, a `kind`, in a `state`."""
    return Call("GET", _asked("/v1/jobs", **wanted))


def job(id: str) -> Call[answers.Job]:
    """A job as it stands."""
    return Call("GET", _job(id))


def cancel_job(id: str) -> Call[answers.Job]:
    """Call a job off; one that is over stays as it is."""
    return Call("DELETE", _job(id))


def resume_job(id: str) -> Call[answers.Job]:
    """Have a job that was interrupted, cancelled or failed begin again."""
    return Call("POST", f"{_job(id)}/resume", repeats=False)


def find_clusters(name: str, **options: Unpack[ClusterOptions]) -> Call[answers.Job]:
    """A job that groups the documents and names the groups; `clusters` shows them."""
    return _found(name, "clusters", options)


def clusters(
    name: str, *, cursor: str | None = None, limit: int = 100, members: bool = False
) -> Call[answers.ClustersAnswer]:
    """The clusters found last, the largest first; with `members` the ids of all documents."""
    more = {"members": "true"} if members else {}
    return Call("GET", _asked(_path(name, "clusters"), cursor=cursor, limit=limit, **more))


def export_clusters(name: str, kind: str = "jsonl") -> Call[bytes]:
    """A line a document, as `jsonl` or `csv`: id, cluster (-1: none), label, similarity."""
    path = _asked(_path(name, "clusters", "export"), format=kind)
    return Call("GET", path, is_file=True, works=True)


def cluster_documents(
    name: str, cluster: int, *, cursor: str | None = None, limit: int = 100
) -> Call[answers.MembersAnswer]:
    """Documents of a cluster (-1: of none), the most typical first."""
    path = _path(name, "clusters", str(cluster), "documents")
    return Call("GET", _asked(path, cursor=cursor, limit=limit))


def reassign_outliers(name: str) -> Call[answers.ClustersAnswer]:
    """Put documents of no cluster into the nearest one."""
    return Call("POST", _path(name, "clusters", "reassign"), {}, works=True)


def find_outliers(name: str, **options: Unpack[OutlierOptions]) -> Call[answers.Job]:
    """A job that scores every document by how little it belongs; `outliers` shows them."""
    return _found(name, "outliers", options)


def outliers(
    name: str, *, cursor: str | None = None, limit: int = 100
) -> Call[answers.OutliersAnswer]:
    """Documents that were scored, the most outlying first."""
    return Call("GET", _asked(_path(name, "outliers"), cursor=cursor, limit=limit))


def score(
    name: str,
    texts: Sequence[str] | None = None,
    *,
    images: Sequence[str | bytes | PathLike[str]] | None = None,
    role: str = "document",
) -> Call[answers.ScoresAnswer]:
    """How little new texts or pictures would belong, on the scale of the outliers found last.

    Args:
        name: of the collection.
        texts: one or more; None where there are `images`.
        images: paths of pictures, the bytes of their files, or their base64 as strings.
        role: `document` or `query`.
    """
    body: dict[str, Any] = {"role": role}
    if texts is not None:
        body["texts"] = list(texts)
    if images is not None:
        body["images"] = [packed(image) for image in images]
    return Call("POST", _path(name, "outliers", "score"), body)


def find_duplicates(name: str, **options: Unpack[DuplicateOptions]) -> Call[answers.Job]:
    """A job that finds what is said twice; `duplicates` shows it."""
    return _found(name, "duplicates", options)


def duplicates(
    name: str, *, cursor: str | None = None, limit: int = 100
) -> Call[answers.DuplicatesAnswer]:
    """Groups of documents that say the same, the largest first."""
    return Call("GET", _asked(_path(name, "duplicates"), cursor=cursor, limit=limit))


def find_leakage(name: str, other: str, **options: Unpack[LeakageOptions]) -> Call[answers.Job]:
    """A job that finds documents of another collection in this one; `leakage` shows them."""
    return _found(name, "duplicates/leakage", {"other": other, **options})


def leakage(
    name: str, *, cursor: str | None = None, limit: int = 100
) -> Call[answers.LeakageAnswer]:
    """Documents that both collections have, the most similar first."""
    return Call("GET", _asked(_path(name, "duplicates", "leakage"), cursor=cursor, limit=limit))


def draw_map(name: str, **options: Unpack[MapOptions]) -> Call[answers.Job]:
    """A job that gives every document a place on a plane; `show_map` shows it."""
    return _found(name, "map", options)


def show_map(name: str) -> Call[answers.MapAnswer]:
    """The map drawn last: its bounds, tiles, and names of clusters on it."""
    return Call("GET", _path(name, "map"))


def map_points(
    name: str, *, cursor: str | None = None, limit: int = 1000
) -> Call[answers.MapPointsAnswer]:
    """Points of the map with their documents' ids."""
    return Call("GET", _asked(_path(name, "map", "points"), cursor=cursor, limit=limit))


def map_documents(name: str, positions: Sequence[int]) -> Call[answers.MapDocumentsAnswer]:
    """The documents at some positions of the map."""
    return Call("POST", _path(name, "map", "documents"), {"positions": list(positions)})


def map_values(name: str, key: str) -> Call[answers.MapFieldAnswer]:
    """What the map's documents say of one field of their metadata, by position."""
    return Call("GET", _asked(_path(name, "map", "values"), key=key))


def find_drift(name: str, **options: Unpack[DriftOptions]) -> Call[answers.Job]:
    """A job that tells how documents `after` differ from those `before`; `drift` shows it."""
    return _found(name, "drift", options)


def drift(name: str) -> Call[answers.DriftAnswer]:
    """Whether and how later documents differ from earlier ones."""
    return Call("GET", _path(name, "drift"))


def _found(name: str, what: str, options: Any) -> Call[answers.Job]:  # noqa: ANN401 - a TypedDict
    return Call("POST", _path(name, *what.split("/")), {**options}, repeats=False)


def _path(name: str, *parts: str) -> str:
    return "/".join(["/v1/collections", *(quote(part, safe="") for part in (name, *parts))])


def _job(id: str) -> str:
    return f"/v1/jobs/{quote(id, safe='')}"


def _asked(path: str, **given: object) -> str:
    query = urlencode({name: value for name, value in given.items() if value is not None})
    return f"{path}?{query}" if query else path
