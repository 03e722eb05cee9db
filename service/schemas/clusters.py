"""Clusters: how documents shall be grouped, and the groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import ConfigDict, Field

from service.schemas.analysis import AnalysisBody, PageQuery, ResultAnswer, Shown
from service.schemas.fields import Answer, Body, Query

if TYPE_CHECKING:
    from analysis.clusters.request import ClusterRequest


class ClusterBody(AnalysisBody):
    """How documents shall be grouped."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"k": 2}]})

    method: Annotated[
        Literal["kmeans", "hdbscan", "agglomerative"],
        Field(
            description=(
                "`kmeans` puts every document into one of k clusters; `hdbscan` finds dense ones "
                "and leaves the rest out; `agglomerative` joins the most alike, of up to 5,000."
            )
        ),
    ] = "kmeans"
    k: Annotated[
        int | None, Field(description="How many clusters, 2 to 4,096; null: chosen by measure.")
    ] = None
    min_size: Annotated[
        int | None,
        Field(description="Fewest documents of a cluster; null: 1, for `hdbscan` by their number."),
    ] = None
    levels: Annotated[
        int, Field(description="Levels to zoom through, 1 (the clusters alone) to 8.")
    ] = 3
    seed: Annotated[int, Field(description="Of everything that is drawn by lot.")] = 0

    def to_request(self) -> ClusterRequest:
        """The request.

        Raises:
            InvalidAnalysisError: an impossible value.
        """
        from analysis.clusters.request import ClusterRequest

        return self.request_of(ClusterRequest)


class ReassignBody(Body):
    """Documents of no cluster go to the nearest one: nothing needs to be said."""

    model_config = ConfigDict(json_schema_extra={"examples": [{}]})


class ClustersQuery(PageQuery):
    """Which clusters, and whether with all their documents."""

    members: Annotated[bool, Field(description="Give the ids of all documents of each.")] = False


class ClusterAnswer(Answer):
    """A group of documents."""

    id: Annotated[int, Field(description="Stays when documents are grouped again.")]
    label: Annotated[str, Field(description="Its foremost terms.", examples=["배송 · 도착"])]
    terms: Annotated[list[str], Field(description="Words that tell it from others, best first.")]
    size: Annotated[int, Field(description="Documents in it now.")]
    new: Annotated[int, Field(description="Of these, how many came since and were assigned.")]
    similarity: Annotated[float, Field(description="Mean, of its documents to its middle.")]
    representatives: Annotated[list[str], Field(description="Ids of documents near its middle.")]
    examples: Annotated[list[Shown], Field(description="The first representatives, short.")]
    members: Annotated[
        list[str] | None, Field(description="Ids, most typical first; null unless asked for.")
    ]


class GroupAnswer(Answer):
    """Clusters seen from further off."""

    id: Annotated[int, Field(description="That of its largest cluster.")]
    label: str
    terms: list[str]
    size: int
    clusters: Annotated[list[int], Field(description="Ids of the clusters in it.")]
    parent: Annotated[int | None, Field(description="The group one level further off.")]


class EventAnswer(Answer):
    """What became of clusters from one result to the next."""

    kind: Literal["birth", "death", "merge", "split"]
    before: Annotated[list[int], Field(description="Ids before.")]
    after: Annotated[list[int], Field(description="Ids now.")]
    documents: int


class ClustersAnswer(ResultAnswer):
    """Clusters, the largest first."""

    clusters: list[ClusterAnswer]
    levels: Annotated[
        list[list[GroupAnswer]], Field(description="Groups of clusters, each level further off.")
    ]
    events: Annotated[list[EventAnswer], Field(description="Since the result before.")]
    outliers: Annotated[int, Field(description="Documents of no cluster, now.")]
    cursor: Annotated[str | None, Field(description="For the next page; null on the last.")]


class Member(Shown):
    """A document of a cluster."""

    similarity: Annotated[float, Field(description="To the middle of its cluster.")]


class MembersAnswer(Answer):
    """Documents of a cluster, the most typical first."""

    cluster: Annotated[int, Field(description="Its id; -1: documents of no cluster.")]
    documents: list[Member]
    cursor: Annotated[str | None, Field(description="For the next page; null on the last.")]


class ExportQuery(Query):
    """As what."""

    format: Annotated[Literal["jsonl", "csv"], Field(description="Of the file.")] = "jsonl"
