"""Every environment variable that the studio reads is explained in .env.example, and none is explained that it does not."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from curation import env

CHECKOUT = Path(__file__).resolve().parents[2]
EXAMPLE = CHECKOUT / ".env.example"


def explained() -> set[str]:
    return set(re.findall(r"^# ?([A-Z][A-Z0-9_]+)=", EXAMPLE.read_text(encoding="utf-8"), re.MULTILINE))


def read_by_code() -> set[str]:
    call = re.compile(r"\benv\.[a-z_]+\(\s*\"([A-Z][A-Z0-9_]+)\"")
    own = re.compile(
        r"os\.(?:environ(?:\.get)?|getenv)[\[(]\s*\"((?:STUDIO|SEEDBED|EMBEDDING|LLM)_[A-Z0-9_]+)\""
    )
    found: set[str] = set()
    for path in (CHECKOUT / "curation").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        found |= {*call.findall(text), *own.findall(text)}
    # A prefix stands for the variables that begin with it.
    return {
        next((one for one in explained() if name.endswith("_") and one.startswith(name)), name)
        for name in found
    }


def read_by_compose() -> set[str]:
    text = (CHECKOUT / "docker" / "compose.yml").read_text(encoding="utf-8")
    return set(re.findall(r"\$\{([A-Z0-9_]+)", text))


def test_every_variable_is_explained_and_every_explained_one_is_read() -> None:
    assert explained() == read_by_code() | read_by_compose()


def test_nothing_is_set_in_the_example() -> None:
    lines = [line for line in EXAMPLE.read_text(encoding="utf-8").splitlines() if line.strip()]
    assert all(line.startswith("#") for line in lines)


def test_an_explained_default_is_the_code_s_default() -> None:
    said = re.findall(r"Default: (\S+)\n# ([A-Z_]+)=", EXAMPLE.read_text(encoding="utf-8"))
    explained_defaults = {variable: yaml.safe_load(default) for default, variable in said}
    code = (
        "import json; from django.conf import settings as s; print(json.dumps({"
        "'PORT': s.PORT, 'STUDIO_WEB_THREADS': s.WEB_THREADS, 'STUDIO_DISK_RESERVE_MB': s.DISK_RESERVE // 2**20, "
        "'EMBEDDING_DTYPE': s.EMBEDDING_DTYPE, 'STUDIO_LOG_LEVEL': s.LOGGING['root']['level'], 'STUDIO_DEBUG': s.DEBUG}))"
    )
    environment = {
        "PATH": os.environ["PATH"],
        "STUDIO_ENV_FILE": os.devnull,
        "STUDIO_HOME": os.environ["STUDIO_HOME"],
        "DJANGO_SETTINGS_MODULE": "curation.settings",
    }
    ran = subprocess.run(
        [sys.executable, "-c", code],
        cwd=CHECKOUT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    for variable, default in json.loads(ran.stdout).items():
        assert explained_defaults[variable] == default, variable


@pytest.mark.parametrize(
    ("read", "value", "said"),
    [
        (lambda: env.number("X", 5, least=1, most=9), "10", "a whole number from 1 to 9"),
        (lambda: env.number("X", 5, least=1, most=9), "-1", "a whole number from 1 to 9"),
        (lambda: env.number("X", 5, least=1, most=9), "٣", "a whole number from 1 to 9"),
        (lambda: env.flag("X"), "perhaps", "yes or no"),
        (lambda: env.choice("X", "a", ("a", "b")), "c", "one of a, b"),
        (lambda: env.origin("X", ""), "https://a.example/path", "without a path"),
        (lambda: env.origin("X", ""), "https://a.example:port", "without a path"),
        (lambda: env.postgres("X"), "postgresql://h/", "with a database name"),
        (lambda: env.postgres("X"), "postgresql://h:port/d", "whose port is a number"),
        (lambda: env.address("X", "", ("s3",), "s3://b"), "b", "starts with s3://"),
    ],
)
def test_a_malformed_variable_is_refused_by_name_with_an_example(monkeypatch, read, value, said) -> None:
    monkeypatch.setenv("X", value)
    with pytest.raises(env.Malformed, match=f"^X must be .*{re.escape(said)}.*, for example X="):
        read()


def test_an_empty_variable_counts_as_not_set(monkeypatch) -> None:
    monkeypatch.setenv("X", " ")
    assert env.number("X", 5, least=1, most=9) == 5
    assert env.postgres("X") is None
    assert env.words("X", ["a"]) == ["a"]


def test_a_database_address_is_taken_apart(monkeypatch) -> None:
    monkeypatch.setenv(
        "X", "postgresql://ad%40a:p%2Fw@db.example:6543/se%20ed?sslmode=require&connect_timeout=5"
    )
    found = env.postgres("X")
    assert found is not None
    assert (found["USER"], found["PASSWORD"], found["HOST"], found["PORT"], found["NAME"]) == (
        *("ad@a", "p/w", "db.example", "6543", "se ed"),
    )
    assert found["OPTIONS"] == {"sslmode": "require", "connect_timeout": "5"}
    monkeypatch.setenv("X", "postgresql:///seedbed?host=/run/postgresql")
    found = env.postgres("X")
    assert found is not None
    assert found["HOST"] == "/run/postgresql"


def test_a_file_of_variables_fills_in_what_the_environment_lacks(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("SEEDBED_A", "mine")
    monkeypatch.delenv("SEEDBED_B", raising=False)
    monkeypatch.delenv("SEEDBED_C", raising=False)
    file = tmp_path / "env"
    file.write_text(
        "# comment\nSEEDBED_A=theirs\nexport SEEDBED_B='two words # kept'\nSEEDBED_C=three # not kept\n"
    )
    env.read_file(file)
    try:
        assert [os.environ[f"SEEDBED_{name}"] for name in "ABC"] == ["mine", "two words # kept", "three"]
    finally:
        del os.environ["SEEDBED_B"], os.environ["SEEDBED_C"]
    file.write_text("\nwhat is this\n")
    with pytest.raises(env.Malformed, match="line 2"):
        env.read_file(file)
