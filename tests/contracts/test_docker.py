"""The containers, read as text: nothing here needs Docker."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

DOCKER = Path(__file__).resolve().parents[2] / "docker"
COMPOSE: dict[str, Any] = yaml.safe_load((DOCKER / "compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"] == "seedbed"}
DOCKERFILE = (DOCKER / "Dockerfile").read_text(encoding="utf-8")


def test_the_studio_is_all_there() -> None:
    assert set(SERVICES) == {"prepare", "web", "worker", "runner", "beat", "db", "redis"}


@pytest.mark.parametrize("name", [name for name in SERVICES if name != "prepare"])
def test_every_service_that_stays_has_a_health_check(name: str) -> None:
    # The web server's is the image's own.
    assert "healthcheck" in SERVICES[name] or (name == "web" and "HEALTHCHECK" in DOCKERFILE)


@pytest.mark.parametrize("name", OURS)
def test_our_services_may_do_little(name: str) -> None:
    service = OURS[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "privileged" not in service
    assert service.get("user", "") not in {"root", "0"}


def test_the_image_does_not_run_as_root_and_holds_no_secret() -> None:
    users = re.findall(r"^USER (\S+)", DOCKERFILE, re.MULTILINE)
    assert users
    assert users[-1] not in {"root", "0"}
    assert not re.search(r"(PASSWORD|SECRET|TOKEN)\w*=", DOCKERFILE)


def test_no_secret_has_a_value_or_a_default() -> None:
    for name, service in SERVICES.items():
        for variable, value in service.get("environment", {}).items():
            if re.search(r"PASSWORD|SECRET", variable):
                assert re.fullmatch(r"\$\{\w+(:\?[^}]*|:-)\}", str(value)), f"{name}: {variable}={value}"
    password = re.search(r"postgresql://[^:]+:([^@]+)@", COMPOSE["x-studio"]["environment"]["DATABASE_URL"])
    assert password
    assert password[1].startswith("${POSTGRES_PASSWORD:?")


def queues_of(name: str) -> set[str]:
    command = SERVICES[name]["command"]
    return set(command[command.index("--queues") + 1].split(","))


def test_foreign_code_runs_in_the_runner_alone_and_every_queue_has_its_worker() -> None:
    from django.conf import settings

    assert queues_of("runner") == {settings.CODE_QUEUE}
    assert queues_of("worker") | queues_of("runner") == {queue.name for queue in settings.CELERY_TASK_QUEUES}
    assert not queues_of("worker") & queues_of("runner")


def test_the_runner_knows_the_database_and_the_broker_and_reaches_nothing_else() -> None:
    runner = SERVICES["runner"]
    assert set(runner["environment"]) == {
        "DATABASE_URL",
        "CELERY_BROKER_URL",
        "STUDIO_LOG_LEVEL",
        "STUDIO_WORKERS",
    }
    assert runner["networks"] == ["inside"] and COMPOSE["networks"]["inside"]["internal"] is True
    reached = {
        name for name, one in SERVICES.items() if "inside" in one["networks"] and one["image"] != "seedbed"
    }
    assert reached == {"db", "redis"}
    assert "secrets" not in runner and "env_file" not in runner and "ports" not in runner


def test_the_runner_keeps_nothing_and_may_take_only_so_much() -> None:
    runner = SERVICES["runner"]
    assert runner["volumes"] == [] and runner["read_only"] is True and runner["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in runner["security_opt"]
    assert not any("unconfined" in option for option in runner["security_opt"])
    assert all("size=" in place and "nosuid" in place for place in runner["tmpfs"])
    assert runner["pids_limit"] and runner["mem_limit"] and runner["cpus"]


def test_only_the_web_server_is_reached_from_outside_and_only_from_this_machine() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert list(published) == ["web"]
    assert all(str(port).startswith("127.0.0.1:") for port in published["web"])


def test_every_version_is_said() -> None:
    images = [service["image"] for name, service in SERVICES.items() if name not in OURS]
    images += re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    assert all(re.search(r":\d", image) for image in images), images
