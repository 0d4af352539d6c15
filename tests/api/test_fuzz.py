"""A bounded fuzz over the API's own description: no answer is a crash, and every refusal is told as documented."""

import json
import random
import uuid

import pytest

from curation.actions import review
from tests import factories as make
from tests.api.test_api import Api

pytestmark = pytest.mark.django_db

ROUNDS = 400
STRINGS = [
    "",
    "a",
    "\x00",
    "\ud800",
    "ё" * 50,
    "a" * 5_000,
    "'; DROP TABLE curation_user; --",
    "../../etc/passwd",
    "\u202e",
]
NUMBERS = [0, -1, 1, 5, 6, 2**63, -(2**63), 1e308, 0.5]
JUNK = [None, True, [], {}, [[]], {"a": {"b": []}}, *STRINGS, *NUMBERS]


def something_for(schema, schemas, dice, known):
    """A value for a JSON schema: mostly of its shape, now and then anything at all."""
    if dice.random() < 0.1:
        return dice.choice(JUNK)
    if "$ref" in schema:
        return something_for(schemas[schema["$ref"].rpartition("/")[2]], schemas, dice, known)
    if "anyOf" in schema:
        return something_for(dice.choice(schema["anyOf"]), schemas, dice, known)
    if "enum" in schema:
        return dice.choice(schema["enum"])
    if "const" in schema:
        return schema["const"]
    kind = schema.get("type")
    if kind == "object":
        needed = schema.get("required", [])
        chosen = [name for name in schema.get("properties", {}) if name in needed or dice.random() < 0.4]
        made = {name: something_for(schema["properties"][name], schemas, dice, known) for name in chosen}
        if isinstance(schema.get("additionalProperties"), dict):
            made[dice.choice(["factual", "reasoning", "x"])] = dice.choice(NUMBERS)
        return made
    if kind == "array":
        return [
            something_for(schema.get("items", {}), schemas, dice, known) for _ in range(dice.randrange(3))
        ]
    if kind == "string":
        return dice.choice(known if schema.get("format") == "uuid" else STRINGS)
    if kind in ("integer", "number"):
        return dice.choice(NUMBERS)
    return dice.choice(JUNK)


def test_nothing_that_can_be_sent_makes_the_api_crash():
    project = make.a_project("stars")
    manager = make.a_member(project, "manager")
    api, dice = Api(manager), random.Random(20)
    queues = [make.a_queue(project, kind) for kind in ("seeds", "scores", "samples")]
    for queue in queues:
        for _ in range(4):
            make.an_item(queue)
    claims = [review.claim(queue, manager) for queue in queues]
    items = [str(queue.items.get(pk=claim.item_id).uuid) for queue, claim in zip(queues, claims, strict=True)]
    known = (
        [str(claim.lease) for claim in claims]
        + items
        + [str(queue.uuid) for queue in queues]
        + [str(uuid.uuid4())]
    )
    description = api.client.get("/api/v1/openapi.json").json()
    schemas = description["components"]["schemas"]
    operations = [
        (path, method, operation)
        for path, methods in description["paths"].items()
        for method, operation in methods.items()
        if "multipart/form-data" not in operation.get("requestBody", {}).get("content", {})
    ]
    for _ in range(ROUNDS):
        path, method, operation = dice.choice(operations)
        for parameter in operation.get("parameters", []):
            if parameter["in"] == "path":
                value = "stars" if parameter["name"] == "project" else dice.choice(known)
                path = path.replace(f"{{{parameter['name']}}}", value)
        query = {
            p["name"]: dice.choice(["1", "-5", "x", "", *known])
            for p in operation.get("parameters", [])
            if p["in"] == "query"
        }
        content = operation.get("requestBody", {}).get("content", {}).get("application/json")
        body = json.dumps(something_for(content["schema"], schemas, dice, known)) if content else ""
        if method == "get":
            response = api.client.get(path, query, headers=api.headers)
        else:
            response = api.client.post(path, body, content_type="application/json", headers=api.headers)
        assert response.status_code < 500, (method, path, body, response.content[:300])
        assert str(response.status_code) in operation["responses"] or response.status_code in (400, 404), (
            method,
            path,
            body,
            response.status_code,
        )
        if response.status_code >= 400:
            assert response.json()["error"], (path, response.content)
            assert response.json()["detail"]
