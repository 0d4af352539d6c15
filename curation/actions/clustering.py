"""Clusters of near duplicates, drawn from what was measured once (`Comparison`) and from what people said.

Drawing is quick and can be repeated at any threshold down to the floor of the comparisons: it compares nothing. `draw` says what the
clusters would be, `renew` makes them so; clusters that come out the same keep their rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db import connection

from curation.models import (
    Cluster,
    ClusterMember,
    Comparison,
    DuplicateRuling,
    Embedding,
    EmbeddingModel,
    Item,
    Job,
    Passage,
    Project,
    Queue,
)
from curation.recipe.dedup import closeness, licence, minhash, near, verify

#: Of the guards and shingles by which pairs are refused or found: another version compares everything anew.
VERSION = 1
#: Pairs are kept from this cosine on, so that a threshold can be lowered so far without comparing anything again.
FLOOR = 0.85

#: Passages that are compared: what is left out only as a near duplicate or for its scores is compared too. With what the
#: rule for representatives asks for.
_CANDIDATES = """
    SELECT p.id, p.text_sha256, length(p.text) AS characters, d.first_import_id,
           coalesce((SELECT max(s.value) FROM curation_score s JOIN curation_activescorer a
                         ON a.scorer_id = s.scorer_id AND a.project_id = %(project)s
                       JOIN curation_rubric r ON r.id = a.rubric_id AND r.level = 'passage' AND r.key IN ('factual', 'reasoning')
                      WHERE s.passage_id = p.id), 0) AS score,
           ARRAY(SELECT DISTINCT coalesce(nullif(o.licence, ''), s.licence) FROM curation_occurrence o JOIN curation_source s ON s.id = o.source_id
                  WHERE o.document_id = d.id AND s.archived_at IS NULL AND s.withdrawn_at IS NULL) AS licences
      FROM curation_passage p JOIN curation_document d ON d.id = p.document_id AND d.extraction_id = p.extraction_id
     WHERE p.project_id = %(project)s AND d.left_out = '' AND d.withdrawn_at IS NULL
       AND p.left_out IN ('', 'near_duplicate', 'low_scores')
       AND EXISTS (SELECT FROM curation_embedding e WHERE e.model_id = %(model)s AND e.text_sha256 = p.text_sha256)
       {among}
     ORDER BY p.id
"""
#: Those alone that are in some pair, or of whose text people said something: nothing else can be in a cluster.
_AMONG = "AND (p.id = ANY(%(passages)s::bigint[]) OR p.text_sha256 = ANY(%(texts)s::text[]))"
#: What people have to do with stays a representative: new material never displaces it.
_DECIDED = """
    SELECT DISTINCT coalesce(i.passage_id, s.passage_id) FROM curation_item i
      LEFT JOIN curation_seed s ON s.id = i.seed_id
      JOIN curation_passage p ON p.id = coalesce(i.passage_id, s.passage_id) AND p.project_id = %(project)s
     WHERE EXISTS (SELECT FROM curation_decision d WHERE d.item_id = i.id)
"""


@dataclass(frozen=True, slots=True)
class Word:
    """What people said of two texts, by content hash; `kept` is the one to keep, if they said so."""

    left: str
    right: str
    same: bool
    kept: str = ""


@dataclass(frozen=True, slots=True)
class Member:
    similarity: float
    jaccard: float | None


#: {representative: {member: how it is close}}, by passage id, of two members and more.
Clusters = dict[int, dict[int, Member]]


@dataclass(frozen=True, slots=True)
class Row:
    """A candidate as it is read."""

    pk: int
    digest: str
    characters: int
    first_import: int
    score: float
    licences: list[str]

    def candidate(self, first: bool) -> near.Candidate:
        freest = min(map(licence.rank, self.licences), default=licence.NONE)
        return near.Candidate(self.digest, self.score, self.characters, first, freest, (self.first_import,))


def candidates(project: Project, model: EmbeddingModel) -> list[Row]:
    """The passages that can be in a cluster, by id."""
    with connection.cursor() as cursor:
        cursor.execute(_CANDIDATES.format(among=""), {"project": project.pk, "model": model.pk})
        return [Row(*row) for row in cursor.fetchall()]


def _concerned(
    project: Project, model: EmbeddingModel, passages: Iterable[int], texts: Iterable[str]
) -> list[Row]:
    """Of the candidates those with these ids or texts, by id."""
    asked: dict[str, Any] = {"project": project.pk, "model": model.pk}
    asked |= {"passages": list(passages), "texts": list(texts)}
    with connection.cursor() as cursor:
        cursor.execute(_CANDIDATES.format(among=_AMONG), asked)
        return [Row(*row) for row in cursor.fetchall()]


def comparisons(project: Project, model: EmbeddingModel, threshold: float) -> Any:
    """What was compared in the way of today, down to the threshold: its passages need not be compared again."""
    return Comparison.objects.filter(
        project=project, model=model, version=VERSION, floor__lte=min(FLOOR, threshold)
    )


def draw(project: Project, model: EmbeddingModel, threshold: float) -> Clusters:
    """The clusters at a threshold. Writes nothing."""
    words = list(standing_words(project))
    close = list(_close(project, model, threshold))
    paired = {passage for left, right, _, _ in close for passage in (left, right)}
    rows = _concerned(project, model, paired, {text for word in words for text in (word.left, word.right)})
    place = {row.pk: at for at, row in enumerate(rows)}
    kept = {word.kept for word in words if word.kept}
    decided = _decided(project)
    jaccards: dict[tuple[int, int], float] = {}
    found = near.stars(
        [row.candidate(row.pk in decided or row.digest in kept) for row in rows],
        [*_pairs(close, place, jaccards), *_ruled_same(words, rows)],
        rulings_of(words),
        lambda crowd: _between(model, rows, crowd, threshold),
    )
    clusters: Clusters = {}
    for at, (own, similarity) in enumerate(found):
        if own != at:
            jaccard = jaccards.get((min(at, own), max(at, own)), 0.0)
            member = Member(similarity, jaccard if jaccard >= minhash.JACCARD else None)
            clusters.setdefault(rows[own].pk, {})[rows[at].pk] = member
    return clusters


def renew(project: Project, model: EmbeddingModel, threshold: float, job: Job | None = None) -> Clusters:
    """Draw the clusters and keep them: those with the same representative, members and threshold keep their rows."""
    fresh = draw(project, model, threshold)
    for cluster in Cluster.objects.filter(project=project).prefetch_related("members"):
        if (
            cluster.model_id == model.pk
            and (cluster.threshold, cluster.rule) == (threshold, near.RULE)
            and _members(cluster) == fresh.get(cluster.representative_id)
        ):
            del fresh[cluster.representative_id]
        else:
            cluster.delete()
    made = Cluster.objects.bulk_create(
        Cluster(
            project=project,
            job=job,
            model=model,
            threshold=threshold,
            rule=near.RULE,
            representative_id=representative,
            size=len(members) + 1,
        )
        for representative, members in fresh.items()
    )
    ClusterMember.objects.bulk_create(
        [
            ClusterMember(cluster=cluster, passage_id=passage, similarity=one.similarity, jaccard=one.jaccard)
            for cluster in made
            for passage, one in {
                cluster.representative_id: Member(1.0, None),
                **fresh[cluster.representative_id],
            }.items()
        ],
        batch_size=5_000,
    )
    return fresh


def standing_words(project: Project) -> Iterator[Word]:
    """What people said of pairs and did not take back, the latest word of a pair alone, the latest first."""
    said: list[tuple[Any, Word]] = [
        (one.created_at, Word(one.left_sha256, one.right_sha256, one.same, one.preferred_sha256))
        for one in DuplicateRuling.objects.filter(project=project, taken_back_at=None)
    ]
    settled = Item.objects.filter(
        queue__project=project,
        queue__kind=Queue.Kind.PAIRS,
        state__in=[Item.State.ACCEPTED, Item.State.REJECTED],
    ).values_list("settled_at", "pair__left__text_sha256", "pair__right__text_sha256", "state")
    said += [
        (when, Word(min(left, right), max(left, right), state == Item.State.ACCEPTED))
        for when, left, right, state in settled
        if left != right
    ]
    heard: set[tuple[str, str]] = set()
    for _, word in sorted(said, key=lambda one: one[0], reverse=True):
        if (word.left, word.right) not in heard:
            heard.add((word.left, word.right))
            yield word


def rulings_of(words: Iterable[Word]) -> near.Rulings:
    """As clustering takes them. Of words that would lead round in a circle the latest ones hold."""
    different: set[tuple[str, str]] = set()
    follows: dict[str, str] = {}
    for word in words:
        if not word.same:
            different.add((word.left, word.right))
        elif word.kept:
            other = word.left if word.kept == word.right else word.right
            if other not in follows and _leader(follows, word.kept) != other:
                follows[other] = word.kept
    return near.Rulings(frozenset(different), follows)


def _leader(follows: dict[str, str], digest: str) -> str:
    while digest in follows:
        digest = follows[digest]
    return digest


def _decided(project: Project) -> set[int]:
    with connection.cursor() as cursor:
        cursor.execute(_DECIDED, {"project": project.pk})
        return {key for (key,) in cursor.fetchall()}


def _close(
    project: Project, model: EmbeddingModel, threshold: float
) -> Iterator[tuple[int, int, float, float]]:
    """(passage, other passage, cosine, Jaccard) of pairs that are close enough by one of them."""
    listed = comparisons(project, model, threshold).exclude(others=[])
    rows = listed.values_list("passage", "others", "cosines", "jaccards")
    for passage, others, cosines, shared in rows.iterator(chunk_size=10_000):
        for other, cosine, jaccard in zip(others, cosines, shared, strict=True):
            if cosine >= threshold or jaccard >= minhash.JACCARD:
                yield passage, other, cosine, jaccard


def _pairs(
    close: Iterable[tuple[int, int, float, float]],
    place: dict[int, int],
    jaccards: dict[tuple[int, int], float],
) -> Iterator[near.Pair]:
    """Close pairs of candidates, by their places; their Jaccards are noted on the way."""
    for passage, other, cosine, jaccard in close:
        if passage in place and other in place:
            left, right = sorted((place[passage], place[other]))
            jaccards[left, right] = jaccard
            yield left, right, cosine


def _ruled_same(words: Iterable[Word], rows: list[Row]) -> Iterator[near.Pair]:
    """Pairs that people called duplicates without saying which to keep: as close as can be."""
    held: dict[str, list[int]] = {}
    for at, row in enumerate(rows):
        held.setdefault(row.digest, []).append(at)
    for word in words:
        if word.same and not word.kept:
            for left in held.get(word.left, ()):
                for right in held.get(word.right, ()):
                    yield left, right, 1.0


def _between(
    model: EmbeddingModel, rows: list[Row], crowd: list[int], threshold: float
) -> Iterator[near.Pair]:
    """Representatives of crowds, measured against each other."""
    vectors, _ = Embedding.objects.matrix(model, [rows[at].digest for at in crowd])
    texts = dict(Passage.objects.filter(pk__in=[rows[at].pk for at in crowd]).values_list("pk", "text"))
    described = [verify.features(texts[rows[at].pk]) for at in crowd]
    for right, (lefts, cosines) in enumerate(closeness.neighbours(vectors, 0, threshold)):
        for left, cosine in zip(lefts.tolist(), cosines.tolist(), strict=True):
            if verify.verified(described[left], described[right]):
                yield crowd[left], crowd[right], cosine


def _members(cluster: Cluster) -> dict[int, Member]:
    return {
        one.passage_id: Member(one.similarity, one.jaccard)
        for one in cluster.members.all()
        if one.passage_id != cluster.representative_id
    }
