"""The page of the map, its points, and areas of it as filters of lists and queues."""

from __future__ import annotations

import json

import numpy as np
import pytest
from django.urls import reverse

from curation.actions import maps, queues
from curation.actions.queues import Filling, QueueError
from curation.jobs import run
from curation.models import Item, Job, Passage, ProjectMap, Queue
from curation.recipe.atlas import grid
from curation.recipe.atlas.area import Area
from curation.web import keyset
from tests import factories as make
from tests import labelling
from tests.web.browsing import scored, seen_by
from tests.world import a_map

pytestmark = pytest.mark.django_db

HERE = "/projects/stars/map/"
LIST = "/projects/stars/passages/"
#: Where the six passages of `mapped` lie.
PLACES = [
    (10_000, 10_000),
    (12_000, 10_000),
    (14_000, 12_000),
    (40_000, 40_000),
    (42_000, 41_000),
    (60_000, 5_000),
]


@pytest.fixture
def project():
    return make.a_project("stars")


@pytest.fixture
def passages(project):
    source, other = make.a_source(project, "Almanac"), make.a_source(project, "Notebook")
    made = []
    for at in range(6):
        document = make.a_kept_document(
            project, source=source if at < 4 else other, topic="science" if at < 3 else ""
        )
        made.append(make.a_passage(project, f"Star number {at} is bright.", document, heading=f"Star {at}"))
    return made


@pytest.fixture
def mapped(project, passages):
    return put(a_map(project, *passages), passages)


def put(drawn, passages):
    points = grid.points(
        np.array([one.pk for one in passages]), np.array(PLACES[: len(passages)], dtype=np.uint16)
    )
    drawn.points, drawn.count = points.tobytes(), len(passages)
    drawn.regions = [{"x": 12_000, "y": 11_000, "words": ["stars"], "count": 3, "level": 0}]
    drawn.save()
    return drawn


def points(client, drawn, by="topic", **headers):
    response = client.get(f"{HERE}{drawn.uuid}/points?by={by}", headers=headers)
    assert response.status_code == 200, response.status_code
    return unpacked(response.content)


def unpacked(body):
    """(header, places, the key of each point's group or None)"""
    length = int.from_bytes(body[:4], "little")
    header = json.loads(body[4 : 4 + length])
    count = header["count"]
    assert length % 4 == 0 and len(body) == 4 + length + 5 * count
    places = np.frombuffer(body, "<u2", 2 * count, 4 + length).reshape(-1, 2)
    values = np.frombuffer(body, "u1", count, 4 + length + 4 * count).tolist()
    keys = [group["key"] for group in header["groups"]]
    return header, places, [None if value == 255 else keys[value] for value in values]


def square(drawn, low, high):
    return str(Area(drawn.uuid, ((low[0], low[1]), (high[0], low[1]), (high[0], high[1]), (low[0], high[1]))))


def legend(client, by):
    found = client.get(f"{HERE}?by={by}").context["coloured"]
    return {group.label: group.count for group in found.groups}


# The page in its states


def test_without_vectors_the_page_says_what_brings_them(project):
    page = seen_by(project, "manager").get(HERE).content.decode()
    assert "Nothing to lay out yet" in page and "<canvas" not in page


def test_with_vectors_a_manager_can_draw_the_map_and_others_are_told_who_can(project):
    labelling.embedded(project)
    assert "Draw the map" in seen_by(project, "manager").get(HERE).content.decode()
    page = seen_by(project, "annotator").get(HERE).content.decode()
    assert "A manager of the project can draw it" in page and "Draw the map" not in page


def test_drawing_shows_progress_then_the_map(project):
    labelling.pages(project, labelling.vectors(12))
    client = seen_by(project, "manager")
    assert client.post(f"{HERE}draw", {"with_left_out": "on"}).status_code == 302
    job = Job.objects.get(kind="map")
    assert job.options == {"with_left_out": True}
    assert "being drawn" in client.get(HERE).content.decode()
    assert "being drawn" in client.get(f"{HERE}progress", headers={"HX-Request": "true"}).content.decode()
    assert client.get(f"{HERE}progress").status_code == 302
    run.drain(job)
    assert client.get(f"{HERE}progress", headers={"HX-Request": "true"})["HX-Refresh"] == "true"
    page = client.get(HERE).content.decode()
    assert "<canvas" in page and "being drawn" not in page and "with those left out" in page


def test_a_failed_drawing_says_why_and_the_map_before_stays(project, mapped):
    Job.objects.create(project=project, kind="map", state="failed", reason="The disk was full.")
    page = seen_by(project, "manager").get(HERE).content.decode()
    assert "The disk was full." in page and "The map below is the one before" in page and "<canvas" in page


def test_drawing_without_a_vector_is_refused_in_words(project):
    page = seen_by(project, "manager").post(f"{HERE}draw", follow=True).content.decode()
    assert "Nothing has a vector yet" in page and not Job.objects.filter(kind="map").exists()


def test_the_page_says_what_came_since_and_what_was_left_aside(project):
    labelling.pages(project, labelling.vectors(12))
    run.drain(maps.draw(project, None))
    ProjectMap.objects.update(left_aside=1_234)
    labelling.pages(project, labelling.vectors(3, seed=5), model=labelling.bundled())
    page = seen_by(project, "manager").get(HERE).content.decode()
    assert '<strong class="number">3</strong> came since' in page
    assert '<span class="number">1,234</span> more are left aside' in page


def test_nobody_sees_the_map_of_another_project(project, mapped):
    moons = make.a_project("moons")
    client = seen_by(moons, "manager")
    for address in (HERE, f"{HERE}{mapped.uuid}/points", f"{HERE}{mapped.uuid}/points/0"):
        assert client.get(address).status_code == 404
        assert client.get(address.replace("stars", "moons")).status_code in (200, 404)
    assert client.get(f"/projects/moons/map/{mapped.uuid}/points").status_code == 404
    assert (
        client.get(f"/projects/moons/passages/?area={square(mapped, (0, 0), (65_000, 65_000))}")
        .context["page"]
        .rows
        == []
    )


# Points and colours


def test_points_come_in_the_order_of_the_map_with_their_group(project, mapped, passages):
    header, places, groups = points(seen_by(project), mapped)
    assert places.tolist() == [list(place) for place in PLACES]
    assert groups == ["science"] * 3 + ["nothing"] * 3
    assert header["map"] == mapped.uuid.hex and header["regions"][0]["words"] == ["stars"]


def test_the_legend_says_the_same_in_words_and_leads_to_lists(project, mapped, passages):
    client = seen_by(project)
    assert legend(client, "topic") == {"Science": 3, "No topic": 3}
    assert legend(client, "source") == {"Almanac": 4, "Notebook": 2}
    page = client.get(f"{HERE}?by=source").content.decode()
    almanac = project.sources.get(name="Almanac").uuid
    assert f"{LIST}?source={almanac}" in page
    assert client.get(f"{LIST}?source={almanac}").context["total"].value == 4
    assert client.get(f"{LIST}?topic=science").context["total"].value == 3


def test_the_legend_alone_is_sent_where_it_alone_is_asked_for(project, mapped):
    part = seen_by(project).get(f"{HERE}?by=state", headers={"HX-Request": "true"}).content.decode()
    assert part.lstrip().startswith("<section") and "<canvas" not in part


def test_states_are_told_apart(project, mapped, passages):
    make.a_seed(project, passage=passages[0])
    make.a_seed(project, passage=passages[1], state="approved")
    Passage.objects.filter(pk=passages[2].pk).update(left_out="near_duplicate")
    found = legend(seen_by(project), "state")
    assert found == {
        "Kept, no seed": 3,
        "Seed, not reviewed": 1,
        "Seed, approved": 1,
        "Left out: near duplicate": 1,
    }


def test_beyond_eight_groups_the_smallest_are_one(project, mapped, passages):
    for at, one in enumerate(passages):
        Passage.objects.filter(pk=one.pk).update(language=f"l{at}")
    more = [make.a_passage(project, language=f"x{at}") for at in range(6)]
    points_ = grid.points(
        np.array([one.pk for one in [*passages, *more]]), np.array([*PLACES, *PLACES], dtype=np.uint16)
    )
    ProjectMap.objects.update(points=points_.tobytes(), count=12)
    found = legend(seen_by(project), "language")
    assert len(found) == 8 and found["5 others"] == 5 and sum(found.values()) == 12


def test_scores_are_coloured_by_parts_of_their_scale(project, mapped, passages):
    for one, value in zip(passages, (0.2, 1.7, 1.9, 4.99, 5.0), strict=False):
        scored(one, reasoning=value)
    client = seen_by(project)
    assert legend(client, "score:reasoning") == {"0 to 0.5": 1, "1.5 to 2": 2, "4.5 to 5": 2, "No score": 1}
    url = next(
        g.url for g in client.get(f"{HERE}?by=score:reasoning").context["coloured"].groups if g.count == 2
    )
    assert client.get(url).context["total"].value == 2


def test_scores_are_for_those_who_may_see_scores(project, mapped, passages):
    scored(passages[0], reasoning=4.0)
    annotator = seen_by(project, "annotator")
    assert annotator.get(f"{HERE}{mapped.uuid}/points?by=score:reasoning").status_code == 404
    assert "score:reasoning" not in annotator.get(HERE).content.decode()
    assert "4.0" not in annotator.get(f"{HERE}{mapped.uuid}/points/0").content.decode()
    assert "4.0" in seen_by(project).get(f"{HERE}{mapped.uuid}/points/0").content.decode()


def test_what_waits_for_my_own_rating_is_not_shown(project, mapped, passages):
    for one in passages:
        scored(one, reasoning=4.2)
    make.a_seed(project, passage=passages[0])
    make.an_item(make.a_queue(project, "scores"), passages[0])
    client = seen_by(project)
    assert legend(client, "score:reasoning") == {"4 to 4.5": 5, "Not shown before you rate it": 1}
    assert points(client, mapped, "score:reasoning")[2] == ["hidden", *["8"] * 5]
    assert points(client, mapped, "state")[2] == ["hidden", *["kept"] * 5]
    card = client.get(f"{HERE}{mapped.uuid}/points/0").content.decode()
    assert "4.2" not in card and "not shown before you rate it" in card and "seed, " not in card
    assert "4.2" in client.get(f"{HERE}{mapped.uuid}/points/1").content.decode()


def test_what_waits_in_another_project_hides_nothing_here(project, mapped, passages):
    scored(passages[0], reasoning=4.2)
    make.an_item(make.a_queue(make.a_project("moons"), "scores"))
    assert legend(seen_by(project), "score:reasoning") == {"4 to 4.5": 1, "No score": 5}


def test_an_answer_that_is_known_is_not_sent_again_until_something_changes(project, mapped, passages):
    client = seen_by(project)
    address = f"{HERE}{mapped.uuid}/points?by=state"
    first = client.get(address)
    assert "private" in first["Cache-Control"]
    known = {"If-None-Match": first["ETag"]}
    again = client.get(address, headers=known)
    assert again.status_code == 304 and again.content == b"" and again["ETag"] == first["ETag"]
    make.a_seed(project, passage=passages[0])
    changed = client.get(address, headers=known)
    assert changed.status_code == 200 and changed["ETag"] != first["ETag"]


def test_an_unknown_colouring_is_refused_and_the_page_shows_the_first(project, mapped):
    client = seen_by(project)
    assert client.get(f"{HERE}{mapped.uuid}/points?by=shoe-size").status_code == 404
    assert client.get(f"{HERE}?by=shoe-size").context["by"] == "topic"


def test_a_passage_that_is_gone_is_no_longer_on_the_map(project, mapped, passages):
    passages[1].document.delete()
    client = seen_by(project)
    assert points(client, mapped)[2][1] is None
    assert client.get(HERE).context["coloured"].shown == 5
    assert client.get(f"{HERE}{mapped.uuid}/points/1").status_code == 404
    assert client.get(f"{HERE}{mapped.uuid}/points/6").status_code == 404


def test_the_card_of_a_point_escapes_what_came_from_outside(project, mapped, passages):
    Passage.objects.filter(pk=passages[0].pk).update(
        heading="<script>alert(1)</script>", text="<b>bold</b> stars"
    )
    card = seen_by(project).get(f"{HERE}{mapped.uuid}/points/0").content.decode()
    assert "<script" not in card and "<b>" not in card and "&lt;b&gt;bold" in card
    assert reverse("passages:passage", args=["stars", passages[0].uuid]) in card


# Areas


def by_hand(corners, x, y):
    crossed = 0
    for (x1, y1), (x2, y2) in zip(corners, [*corners[1:], corners[0]], strict=True):
        crossed += (y1 > y) != (y2 > y) and x < x1 + (y - y1) * (x2 - x1) / (y2 - y1)
    return crossed % 2 == 1


def listed(client, area, more=""):
    return [row.heading for row in client.get(f"{LIST}?area={area}{more}").context["page"]]


def test_the_list_shows_what_lies_in_an_area(project, mapped, passages):
    corners = ((9_000, 9_000), (41_000, 39_000), (45_000, 45_000), (9_000, 13_000))
    expected = {f"Star {at}" for at, place in enumerate(PLACES) if by_hand(corners, *place)}
    assert 0 < len(expected) < 6
    client = seen_by(project)
    assert set(listed(client, Area(mapped.uuid, corners))) == expected


def test_an_area_goes_with_other_filters_and_with_pages(project, mapped, passages, monkeypatch):
    client, everything = seen_by(project), square(mapped, (0, 0), (65_000, 65_000))
    assert listed(client, everything, "&topic=science") == ["Star 2", "Star 1", "Star 0"]
    response = client.get(f"{LIST}?area={everything}")
    page = response.content.decode()
    assert "In an area of the map" in page and f'value="{everything}"' in page
    assert f'<a class="badge" href="{LIST}"' in page
    whole = keyset.page
    monkeypatch.setattr(keyset, "page", lambda request, rows, order: whole(request, rows, order, size=4))
    first = client.get(f"{LIST}?area={everything}")
    after = first.context["page"].older
    assert len(first.context["page"].rows) == 4 and listed(client, everything, f"&after={after}") == [
        "Star 1",
        "Star 0",
    ]


def test_an_area_of_an_earlier_map_says_so_and_selects_nothing(project, mapped, passages):
    earlier = square(mapped, (0, 0), (65_000, 65_000))
    ProjectMap.objects.all().delete()
    put(a_map(project, *passages), passages)
    response = seen_by(project).get(f"{LIST}?area={earlier}")
    assert response.context["page"].rows == []
    assert "drawn on an earlier map of the project" in response.content.decode()


@pytest.mark.parametrize("area", ["x", "0" * 32 + ".00", "0%00", "a" * 5_000])
def test_an_area_that_is_none_selects_nothing_and_says_so(project, mapped, area):
    page = seen_by(project).get(f"{LIST}?area={area}").content.decode()
    assert "This is no area of a map" in page


# Queues


@pytest.mark.parametrize("kind", ["seeds", "scores"])
def test_a_queue_is_made_and_filled_from_an_area(project, mapped, passages, kind):
    for one in passages:
        make.a_seed(project, passage=one)
    area, client = square(mapped, (9_000, 9_000), (15_000, 13_000)), seen_by(project, "manager")
    kinds = client.get(f"/projects/stars/queues/new?area={area}").content.decode()
    assert (
        f"kind={kind}&amp;area={area}" in kinds and "kind=samples" not in kinds and "kind=pages" not in kinds
    )
    assert "3 in the area" in kinds
    form = client.get(f"/projects/stars/queues/new?kind={kind}&area={area}").content.decode()
    assert f'name="area" value="{area}"' in form
    asked = {
        "kind": kind,
        "name": "Near the pole",
        "wanted": 1,
        "order": "oldest",
        "random_seed": 1,
        "area": area,
    }
    if kind == "scores":
        asked |= {"order": "random", "dispute_gap": 2}
    made = client.post("/projects/stars/queues/new", asked)
    assert made.status_code == 302 and made["Location"].endswith(f"/fill?area={area}")
    counted = client.get(made["Location"])
    assert (counted.context["matching"], counted.context["new"]) == (3, 3)
    assert (
        f'name="area" value="{area}"' in counted.content.decode()
        and "in an area of the map of" in counted.content.decode()
    )
    filled = client.post(made["Location"].split("?")[0], {"area": area}, follow=True)
    queue = Queue.objects.get(name="Near the pole")
    subjects = {
        (item.seed.passage if kind == "seeds" else item.passage).heading
        for item in Item.objects.filter(queue=queue)
    }
    assert subjects == {"Star 0", "Star 1", "Star 2"}
    assert queue.filter == {"area": area} and "in an area of the map of" in filled.content.decode()


def test_a_queue_is_not_filled_from_an_area_of_an_earlier_map(project, mapped, passages):
    earlier, queue = square(mapped, (0, 0), (65_000, 65_000)), make.a_queue(project, "scores", order="random")
    queues.fill(queue, Filling(area=earlier), None)
    ProjectMap.objects.all().delete()
    client = seen_by(project, "manager")
    address = f"/projects/stars/queues/{queue.uuid}/"
    for response in (
        client.get(f"{address}fill?area={earlier}"),
        client.post(f"{address}fill", {"area": earlier}),
    ):
        assert response.status_code == 422 and "earlier map" in response.content.decode()
    assert "in an area of an earlier map" in client.get(address).content.decode()
    begun = client.get(f"/projects/stars/queues/new?area={earlier}", follow=True)
    assert begun.redirect_chain[0][0] == HERE and "earlier map" in begun.content.decode()
    with pytest.raises(QueueError, match="earlier map"):
        queues.fill(queue, Filling(area=earlier), None)
    assert Item.objects.filter(queue=queue).count() == 6


def test_queues_of_anything_else_take_no_area(project, mapped):
    area = square(mapped, (0, 0), (65_000, 65_000))
    with pytest.raises(QueueError, match="points are passages"):
        queues.fill(make.a_queue(project, "samples"), Filling(area=area), None)
