"""What tells a key, token or password from what only looks like one: the prefix that its maker gives it, or a name before it and
a value with as much disorder as a random one has.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections import Counter
from math import log2

#: Words of values that stand for one: documentation, templates, code that reads the value from elsewhere.
_STANDS_FOR = re.compile(
    r"example|sample|placeholder|dummy|changeme|change[_-]me|your|xxxx|\*\*\*|0000000|1234567890(?:123|abc)?$|abcdefgh|foobar|redacted|insert|replace|"
    r"fake|<|>|\$\{|\{\{|%s|\.\.\.|…|test_?key|not[_-]?real|secret[_-]?key|process\.env|environ|getenv",
    re.IGNORECASE,
)


def bits_per_sign(value: str) -> float:
    """Entropy of the distribution of its characters (Shannon 1948)."""
    whole = len(value)
    return -sum(count / whole * log2(count / whole) for count in Counter(value).values()) if whole else 0.0


def _real(value: str, least: float = 3.0) -> bool:
    return not _STANDS_FOR.search(value) and bits_per_sign(value) >= least


def _has_body(found: re.Match[str]) -> bool:
    body = re.sub(r"[^A-Za-z0-9+/=]", "", found["body"])
    return len(body) >= 64 and bits_per_sign(body) > 4.0


PRIVATE_KEY = (
    re.compile(
        r"-----BEGIN (?P<kind>(?:[A-Z0-9]{2,12} ){0,2}PRIVATE KEY(?: BLOCK)?)-----(?P<body>[^-]{20,20000}(?:-[^-]{1,200}){0,4})-----END (?P=kind)-----"
    ),
    _has_body,
)


def _is_password(found: re.Match[str]) -> bool:
    word = found["it"]
    plain = word.lower()
    if plain in (
        "password",
        "passwd",
        "pass",
        "pwd",
        "secret",
        "pw",
        "user",
        "token",
        "root",
        "admin",
        "postgres",
        "guest",
        "test",
    ):
        return False  # fmt: skip
    return not _STANDS_FOR.search(word) and not word.startswith(("$", "{", "%", "[", ":"))


IN_ADDRESS = (
    re.compile(r"\b[a-z][a-z0-9+.-]{1,20}://[^\s:/@\"'<>]{0,64}:(?P<it>[^\s/@\"'<>]{3,100})@[\w.-]{3,}"),
    _is_password,
)


def _is_web_token(found: re.Match[str]) -> bool:
    head = found["head"]
    try:
        said = json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    except (ValueError, binascii.Error):
        return False
    return isinstance(said, dict) and "alg" in said


WEB_TOKEN = (
    re.compile(r"\b(?P<head>eyJ[\w-]{8,600})\.eyJ[\w-]{8,4000}\.[\w-]{10,1000}(?![\w-])"),
    _is_web_token,
)

#: Maker's prefix and form. `signs` are what a text is searched for first.
_MAKERS: tuple[tuple[tuple[str, ...], str], ...] = (
    (("AKIA", "ASIA", "ABIA", "ACCA"), r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}"),
    (("ghp_", "gho_", "ghu_", "ghs_", "ghr_"), r"gh[pousr]_[A-Za-z0-9]{36,255}"),
    (("github_pat_",), r"github_pat_[A-Za-z0-9_]{50,255}"),
    (("glpat-", "glptt-", "gldt-"), r"gl(?:pat|ptt|dt)-[\w-]{20,64}"),
    (("xox",), r"xox[abeoprs]-(?:\d{6,14}-){0,3}[A-Za-z0-9-]{10,120}"),
    (("xapp-",), r"xapp-\d-[A-Z0-9]{8,14}-\d{8,15}-[a-f0-9]{40,80}"),
    (("hooks.slack.com",), r"hooks\.slack\.com/services/T[A-Z0-9]{6,12}/B[A-Z0-9]{6,12}/[A-Za-z0-9]{20,30}"),
    (("AIza",), r"AIza[0-9A-Za-z_-]{35}"),
    (("GOCSPX-",), r"GOCSPX-[\w-]{28}"),
    (("ya29.",), r"ya29\.[\w-]{30,400}"),
    (("sk-",), r"sk-(?:ant-[\w-]{20,200}|or-v1-[a-f0-9]{64}|(?:proj|svcacct|admin)-[\w-]{20,250}|[A-Za-z0-9]{20,64})"),
    (("hf_",), r"hf_[A-Za-z0-9]{30,40}"),
    (("_live_", "_test_"), r"(?:sk|rk|whsec)_(?:live|test)_[A-Za-z0-9]{20,120}"),
    (("SG.",), r"SG\.[\w-]{20,24}\.[\w-]{39,50}"),
    (("key-",), r"key-[0-9a-f]{32}"),
    (("npm_",), r"npm_[A-Za-z0-9]{36}"),
    (("pypi-",), r"pypi-AgE[\w-]{50,250}"),
    (("dop_v1_", "doo_v1_"), r"do[op]_v1_[a-f0-9]{64}"),
    (("shpat_", "shpss_", "shpca_"), r"shp(?:at|ss|ca)_[a-fA-F0-9]{32}"),
    (("AccountKey=",), r"AccountKey=[A-Za-z0-9+/]{60,90}={0,2}"),
    (("lin_api_",), r"lin_api_[A-Za-z0-9]{40}"),
    (("dapi",), r"dapi[a-f0-9]{32}"),
    ((":AA",), r"\d{8,10}:AA[\w-]{32,35}"),
    (("hvs.",), r"hvs\.[\w-]{24,200}"),
)  # fmt: skip

SIGNS: tuple[str, ...] = tuple(sign for signs, _ in _MAKERS for sign in signs)
PREFIXED = (
    re.compile(rf"(?<![\w-])(?:{'|'.join(pattern for _, pattern in _MAKERS)})(?![\w-])"),
    lambda found: _real(found[0], 2.8) and re.search(r"\d", found[0]) is not None,
)

#: What stands in every one of those words, however it is written.
NAMES: tuple[str, ...] = (
    *("assw", "ASSW", "assphrase", "pwd", "PWD", "ecret", "SECRET", "oken", "TOKEN", "earer", "redential", "CREDENTIAL"),
    *("pi_key", "PI_KEY", "pi-key", "piKey", "pikey", "APIKEY", "pi key", "PI key", "pi_secret", "PI_SECRET", "pi_token", "ccess_key", "CCESS_KEY", "ccessKey"),
    *("rivate_key", "PRIVATE_KEY", "rivateKey", "ncryption_key", "NCRYPTION_KEY"),
)  # fmt: skip

#: A word that names a secret, a sign that gives it a value, and the value.
_NAMED = re.compile(
    r"(?i:(?<![a-z])(?:pass(?:word|wd|phrase)?|pwd|secret(?:[_ -]?(?:access)?[_ -]?key)?|api[_ -]?(?:key|secret|token)|access[_ -]?(?:key|token)|auth[_ -]?token|"
    r"client[_ -]?secret|private[_ -]?key|encryption[_ -]?key|bearer|token|credential)s?(?:[_-][a-z]{2,12})?)"
    r"(?P<between>[\"'`]?[ \t]{0,3}(?::=|=>|=|:|[ \t](?:is|ist|was)[ \t]|(?<=(?i:bearer))[ \t])[ \t]{0,3}[\"'`]?)(?P<it>[\w+/=.~!@#$%^&*-]{8,200})(?![\w(\[])"
)


def _is_named(found: re.Match[str]) -> bool:
    value = found["it"].rstrip(".,;")
    if _STANDS_FOR.search(value) or re.search(
        r"[a-z]\.[a-z_]{3,}|^(?:https?|file|self|this|None|null|true|false)\b|^\$", value
    ):
        return False  # fmt: skip
    digits, letters = sum(map(str.isdigit, value)), sum(map(str.isalpha, value))
    if not digits or not letters:
        return False
    signs = len(re.findall(r"[!@#$%^&*~+]", value))
    cased = value != value.lower() and value != value.upper()
    if len(value) < 16:
        # A password of a person: letters, digits and more, right behind a word that says so.
        return re.match(r"(?i)pass|pwd", found[0]) is not None and (bool(signs) or cased) and digits < len(value) - 2  # fmt: skip
    if re.fullmatch(r"[a-z]+(?:[_.-][a-z0-9]+)+|[A-Z]+(?:_[A-Z0-9]+)+", value):
        return False  # words, joined: the name of a variable or model
    return bits_per_sign(value) >= (3.0 if re.fullmatch(r"[0-9a-fA-F-]+", value) else 3.4)


NAMED = (_NAMED, _is_named)
