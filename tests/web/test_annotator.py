"""Connecting a model and asking it: the panel's form, trying it, the environment's endpoint, the page, the API, the command."""

from __future__ import annotations

import json
import shutil
import socket
import ssl
import subprocess
from contextlib import suppress
from threading import Thread

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, transaction
from django.test import Client

from curation.actions import annotating, asking, endpoints, prompts, scorers
from curation.jobs import run
from curation.models import Call, Endpoint, Job, Label, PromptVersion, Rubric
from curation.recipe.llm.keys import Key
from curation.recipe.llm.prompts import Part, Template
from curation.recipe.scoring import annotator
from tests import factories as make
from tests import labelling
from tests.api.test_api import Api
from tests.labelling import our_rubric
from tests.llm_server import Reply, error, serving
from tests.web.browsing import seen_by, text_of

pytestmark = pytest.mark.django_db

ASK = "/projects/stars/rubrics/factual/ask"
SECRET = "sk-not-to-be-seen-0123456789"


@pytest.fixture
def project():
    our_rubric("factual")
    return make.a_project("stars")


@pytest.fixture
def rubric(project):
    return our_rubric("factual")


def an_endpoint(address="http://127.0.0.1:9/v1", **fields):
    return Endpoint.objects.create(
        **{
            "name": "Tiny",
            "address": address,
            "model": "tiny",
            "private_allowed": True,
            "seconds": 2,
            **fields,
        }
    )


# Trying an endpoint


def closed_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (Reply("ready"), "tiny answered “ready”"),
        (Reply("ready", usage=False), "does not count tokens"),
        (Reply(""), "with no text"),
        (error(401, "Incorrect API key"), "does not accept the key (401)"),
        (error(403), "may not do this (403)"),
        (error(404, "model 'tiny' not found", "model_not_found"), "It has: tinny, larger"),
        (error(404, "model 'tiny' not found", "model_not_found"), "Did you mean tinny?"),
        (error(429, retry_after="5"), "slow down (429)"),
        (error(500), "had an error (500)"),
        (Reply(hang=True), "within the time limit: 2 seconds"),
        (Reply(body=b"<html>It works!</html>"), "ends with /v1"),
        (Reply(body=b"{}"), "no choices"),
        (Reply(status=302, body=b"", headers={"Location": "/login"}), "not followed"),
        (Reply(cut=True), "connection was cut"),
    ],
)
def test_trying_an_endpoint_says_plainly_what_is_wrong(reply, said):
    with serving(lambda seen, nth: reply, models=("tinny", "larger")) as server:
        assert said in endpoints.try_out(an_endpoint(server.address)).said


READY = '{"word": "ready", "number": 7}'


def of_rung(*taken, content=READY):
    """A server that takes requests for fields in these ways only."""

    def script(seen, nth):
        asked = seen.body.get("response_format", {}).get("type")
        if asked and asked not in taken:
            return error(400, f"response_format {asked} is not supported")
        return Reply(content if "JSON" in seen.text else "ready")

    return script


@pytest.mark.parametrize(
    ("script", "said", "caution"),
    [
        (of_rung("json_schema", "json_object"), "answers with fields by their schema", ""),
        (of_rung("json_object"), "answers with fields as a JSON object", ""),
        (of_rung(), "answers with fields when asked in words", ""),
        (
            of_rung("json_schema", content="Ready, seven!"),
            "answered “ready”",
            "The answer holds no JSON object",
        ),
        (of_rung("json_schema", content='{"word": "x"}'), "answered “ready”", "fields are missing"),
        (
            of_rung("json_schema", content=None),
            "answered “ready”",
            "Choose a model that follows instructions",
        ),
    ],
)
def test_trying_an_endpoint_says_whether_it_answers_with_json(script, said, caution):
    with serving(script) as server:
        tried = endpoints.try_out(an_endpoint(server.address))
    assert tried.works and said in tried.said
    assert caution in tried.caution and bool(tried.caution) == bool(caution)


def test_an_address_in_https_of_a_server_in_plain_http_is_told_apart_from_a_bad_certificate():
    plain = socket.create_server(("127.0.0.1", 0))

    def answer():
        for _ in range(2):  # the SDK asks a second time
            with suppress(OSError):
                seen, _ = plain.accept()
                seen.recv(4096)
                seen.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
                seen.close()

    Thread(target=answer, daemon=True).start()
    tried = endpoints.try_out(an_endpoint(f"https://127.0.0.1:{plain.getsockname()[1]}/v1"))
    plain.close()
    assert not tried.works and "It speaks plain http at this port" in tried.said


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")
def test_a_certificate_that_nobody_vouches_for_is_refused_by_name(tmp_path):
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-subj", "/CN=localhost", "-keyout", key, "-out", certificate, "-days", "2"],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with serving(tls=context) as server:
        tried = endpoints.try_out(an_endpoint(server.address.replace("http://", "https://")))
    assert not tried.works and "certificate cannot be trusted" in tried.said
    assert "Use a certificate that this machine trusts" in tried.said and not server.seen


@pytest.mark.parametrize(
    ("address", "fields", "said"),
    [
        ("http://no-such-host.invalid/v1", {}, "The name of the host is not known"),
        ("http://127.0.0.1:{port}/v1", {}, "Nothing accepts connections"),
        ("http://127.0.0.1:{port}/v1", {"private_allowed": False}, "may be a private address"),
        ("https://api.example.org/v1", {"key_name": "NONE"}, "set LLM_KEY_NONE"),
        ("", {"kind": "local", "model": "/no/such/folder"}, "cannot be loaded"),
    ],
)
def test_what_cannot_even_be_reached_is_told_apart(address, fields, said):
    endpoint = an_endpoint(address.format(port=closed_port()), **fields)
    tried = endpoints.try_out(endpoint)
    assert not tried.works and said in tried.said


# The panel


def saved(**values):
    admin = Client()
    admin.force_login(make.an_admin())
    form = {
        "name": "Tiny",
        "kind": "chat",
        "address": "https://api.example.org/v1",
        "model": "tiny",
        "key_name": "",
        "most_tokens": 100,
        "concurrency": 4,
        "seconds": 30,
        "project": "",
        **values,
    }
    return admin.post("/admin/curation/endpoint/add/", form)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"address": "api.example.org/v1"}, "starts with http:// or https://"),
        ({"address": "file:///etc/passwd"}, "starts with http:// or https://"),
        ({"address": "https://me:secret@api.example.org/v1"}, "without a name or password"),
        ({"address": "https://api.example.org/v1?key=sk-1"}, "Leave out everything from ?"),
        ({"key_name": "OTHER"}, "No key is called OTHER"),
        (
            {"key_name": "HOSTED", "address": "https://evil.example/v1"},
            "may be sent to https://api.example.org:443 alone",
        ),
        ({"key_name": "HOSTED", "address": "http://api.example.org/v1"}, "not to http://api.example.org:80"),
    ],
)
def test_the_panel_refuses_an_address_or_key_that_cannot_be_used(values, said, settings):
    settings.LLM_KEYS = {"HOSTED": Key("https://api.example.org:443", SECRET)}
    page = saved(**values).content.decode()
    assert said in page and SECRET not in page
    assert not Endpoint.objects.exists()


def test_the_panel_keeps_the_name_of_a_key_and_never_the_key(settings):
    settings.LLM_KEYS = {"HOSTED": Key("https://api.example.org:443", SECRET)}
    assert saved(key_name="HOSTED").status_code == 302
    assert SECRET not in json.dumps(list(Endpoint.objects.values()), default=str)
    assert Endpoint.objects.get().created_by is not None


def test_managers_do_not_set_up_endpoints(project):
    client = seen_by(project, "manager")
    assert client.get("/admin/curation/endpoint/").status_code == 403
    assert client.post("/admin/curation/endpoint/add/", {}).status_code == 403


def test_calls_are_listed_with_sums_and_without_their_texts(project):
    endpoint = an_endpoint()
    for slug in ("stars", "moons"):
        Call.objects.create(
            project=project if slug == "stars" else make.a_project(slug),
            endpoint=endpoint,
            model="tiny",
            key="0" * 64,
            request={"messages": [{"content": "zanzibar"}]},
            answer={"choices": "zanzibar"},
            tokens_in=1_234,
            tokens_out=10,
            cost="0.5",
        )
    client = seen_by(project, "manager")
    page = text_of(client, "/admin/curation/call/")
    assert "1,234 tokens read, 10 written, 0.5000 in money" in page and "zanzibar" not in page
    call = Call.objects.get(project=project)
    assert "zanzibar" not in text_of(client, f"/admin/curation/call/{call.pk}/change/")


# The environment's endpoint


def test_the_environment_s_model_is_offered_and_follows_it(project, settings):
    settings.LLM_BASE_URL, settings.LLM_MODEL = "http://localhost:11434/v1/", "qwen3:8b"
    settings.LLM_KEYS = {"DEFAULT": Key("http://localhost:11434", SECRET)}
    (endpoint,) = endpoints.offered(project)
    assert (endpoint.address, endpoint.model, endpoint.key_name) == (
        "http://localhost:11434/v1",
        "qwen3:8b",
        "DEFAULT",
    )
    settings.LLM_MODEL = "qwen3:14b"
    assert [one.model for one in endpoints.offered(project)] == ["qwen3:14b"]
    settings.LLM_MODEL = ""
    assert list(endpoints.offered(project)) == []
    settings.LLM_MODEL = "qwen3:8b"
    assert [one.pk for one in endpoints.offered(project)] == [endpoint.pk]


def test_a_project_is_offered_its_own_endpoints_and_those_of_all(project):
    mine, everybody_s = an_endpoint(project=project), an_endpoint(name="All")
    other = an_endpoint(project=make.a_project("moons"), name="Theirs")
    archived = an_endpoint(name="Old", archived_at="2026-01-01T00:00:00Z")
    assert {one.pk for one in endpoints.offered(project)} == {mine.pk, everybody_s.pk}
    make.a_kept_passage(project)
    for one in (other, archived):
        with pytest.raises(asking.AskingError, match="not offered"):
            annotating.start(
                project, our_rubric("factual"), one, None, which="random", take=1, budget_tokens=1_000
            )


# What never changes


def test_a_call_and_a_version_of_a_prompt_are_never_changed(project):
    version = annotating.version()
    call = Call.objects.create(project=project, endpoint=an_endpoint(), model="tiny", key="0" * 64)
    for change in (
        lambda: Call.objects.filter(pk=call.pk).update(answer={}),
        lambda: PromptVersion.objects.filter(pk=version.pk).update(parts=[]),
    ):
        with pytest.raises(DatabaseError, match="never changed"), transaction.atomic():
            change()


def test_other_words_under_the_same_number_are_refused():
    annotating.version()
    with pytest.raises(prompts.PromptChanged, match="Give the new ones number 2"):
        prompts.ensure_version(annotator.KEY, annotator.NAME, 1, Template((Part("user", "other"),)))


def test_the_words_of_annotate_1_are_those_that_asked():
    """Changing them is a new version: this hash is of what labels already say they were asked."""
    assert annotating.version().sha256 == "8e8f999a324247afee6046162d74f169c02411757cc8bc4c4fbfbb2d0892f986"


# The page


def test_with_nothing_connected_the_page_says_how_to(project):
    page = text_of(seen_by(project, "manager"), ASK)
    for words in ("Ollama", "vLLM", "LLM_BASE_URL=http://localhost:11434/v1", "LLM_API_KEY"):
        assert words in page


def test_an_estimate_says_what_it_rests_on_and_gets_better_with_answers(project, rubric):
    for at in range(12):
        make.a_kept_passage(project, f"Passage {at}: ice floats on water.")
    with serving(lambda seen, nth: Reply(tokens_out=50)) as server:
        endpoint = an_endpoint(server.address, price_in=2, price_out=10)
        first = annotating.estimate(project, rubric, endpoint, "random", 12)
        assert first.texts == 12 and "assumption" in first.basis and not server.seen
        run.drain(
            annotating.start(project, rubric, endpoint, None, which="random", take=6, budget_tokens=10**6)
        )
        second = annotating.estimate(project, rubric, endpoint, "random", 100)
    assert second.texts == 6 and second.tokens_out == 300 and "6 answers" in second.basis
    assert second.money == pytest.approx((second.tokens_in * 2 + 300 * 10) / 1e6)


def test_the_page_refuses_what_cannot_be_started_and_says_why(project):
    client = seen_by(project, "manager")
    endpoint = an_endpoint()
    form = {"endpoint": str(endpoint.uuid), "which": "rated", "take": 5, "budget_tokens": 5_000}
    assert "People have rated nothing" in client.post(ASK, form).content.decode()
    uncertain = client.post(ASK, form | {"which": "uncertain"})
    assert uncertain.status_code == 422 and "No scorer speaks" in uncertain.content.decode()
    assert client.post(ASK, form | {"take": 0}).status_code == 422
    assert client.post(ASK, form | {"endpoint": "nobody"}).status_code == 422
    make.a_kept_passage(project)
    started = client.post(ASK, form | {"which": "random"})
    assert started.status_code == 302
    again = client.post(ASK, form | {"which": "random"})
    assert "is being asked about factual value already" in again.content.decode()


def test_an_archived_rubric_is_not_asked(project):
    Rubric.objects.create(
        project=project,
        key="old",
        name="Old",
        level="passage",
        question="?",
        archived_at="2026-01-01T00:00:00Z",
    )
    assert seen_by(project, "manager").get("/projects/stars/rubrics/old/ask").status_code == 404


def test_the_most_uncertain_texts_are_those_nearest_to_the_threshold(project, rubric):
    from curation.models import Score

    scorer = make.an_active_scorer(project, "factual", "passage")
    rows = [make.a_kept_passage(project) for _ in range(5)]
    threshold = project.settings.min_factual
    for row, away in zip(rows, (2, -0.1, 1, 0.3, -1.5), strict=True):
        Score.objects.create(scorer=scorer, passage=row, value=threshold + away)
    found = annotating.texts(project, rubric, an_endpoint(), "uncertain")
    assert [rows.index(one) for one in found] == [1, 3, 2, 4, 0]


# Learning from machines


def test_a_scorer_learns_from_a_model_s_labels_only_when_told_to(project, rubric):
    points = labelling.vectors(80)
    passages = labelling.pages(project, points)
    values = labelling.teacher(points)
    labelling.rated(make.a_queue(project, "scores"), passages[:30], {"factual": values[:30]})
    Label.objects.bulk_create(
        Label(project=project, rubric=rubric, passage=one, annotator="tiny · annotate/1", value=value)
        for one, value in zip(passages, values, strict=True)
    )
    client = seen_by(project, "manager")
    page = text_of(client, "/projects/stars/scorers/factual/")
    assert "tiny · annotate/1" in page and "80 labels" in page
    client.post("/projects/stars/scorers/factual/train", {})
    assert not Job.objects.filter(kind="train").exists()  # thirty are too few
    with pytest.raises(scorers.ScorerError):
        scorers.train(project, rubric, None, annotators=["nobody"])
    client.post("/projects/stars/scorers/factual/train", {"annotator": ["tiny · annotate/1", "forged"]})
    job = Job.objects.get(kind="train")
    assert job.options["annotators"] == ["tiny · annotate/1"]


# The API and the command


def test_the_api_estimates_starts_and_refuses(project):
    for at in range(4):
        make.a_kept_passage(project, f"Passage {at}")
    api = Api(make.a_member(project, "manager"))
    with serving() as server:
        endpoint = an_endpoint(server.address)
        assert [one["model"] for one in api.get("/projects/stars/endpoints").json()] == ["tiny"]
        body = {"endpoint": str(endpoint.uuid), "which": "random", "take": 3}
        base = "/projects/stars/rubrics/factual/annotate"
        told = api.post(f"{base}/estimate", body).json()
        assert told["texts"] == 3 and told["money"] is None
        assert api.post(base, body).status_code == 409
        started = api.post(base, body | {"budget_tokens": 50_000})
        assert started.status_code == 202 and started.json()["annotator"] == "tiny · annotate/1"
        job = run.drain(Job.objects.get(kind="annotate"))
    assert job.result["labels"] == 3


def test_the_command_estimates_asks_and_names_what_there_is(project, capsys):
    for at in range(3):
        make.a_kept_passage(project, f"Passage {at}")
    with pytest.raises(CommandError, match="No language model is connected"):
        call_command("annotate", "stars", "factual")
    with serving() as server:
        an_endpoint(server.address)
        call_command("annotate", "stars", "factual", "--which", "random", "--estimate")
        assert json.loads(capsys.readouterr().out)["texts"] == 3
        with pytest.raises(CommandError, match="Say with --budget"):
            call_command("annotate", "stars", "factual", "--which", "random")
        with pytest.raises(CommandError, match="There are: Tiny"):
            call_command("annotate", "stars", "factual", "--endpoint", "Huge")
        call_command("annotate", "stars", "factual", "--which", "random", "--take", "2", "--budget", "90000")
    assert json.loads(capsys.readouterr().out)["labels"] == 2
