"""Licences and their evidence: told by a licence's text, address or name, by a package's manifest, by a line in a file.

The names are SPDX identifiers. A text that says it is a licence and that no rule knows is `LicenseRef-other`: it was
stated, so it is not the same as none. Several licences in one folder are alternatives ("MIT OR Apache-2.0").
"""

from __future__ import annotations

import json
import posixpath
import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from curation.recipe.ingest.found import LICENCE, shorten

LARGEST = 262_144  # bytes of a licence file that are looked at
OTHER = "LicenseRef-other"
FILE_NAME = re.compile(r"(?:un)?licen[cs]e|copying", re.IGNORECASE)
FILE_ENDING = re.compile(r"(?:[-_.][A-Za-z0-9 .+_-]*)?", re.IGNORECASE)
CODE_ENDINGS = re.compile(r"\.(?:py|js|ts|go|rs|java|rb|c|h|cpp|cs|php|pyc|json|xml|ya?ml)$", re.IGNORECASE)
SPDX_LINE = re.compile(r"SPDX-License-Identifier:[ \t]*([A-Za-z0-9.+() -]{2,80}?)[ \t]*(?:\*/|-->|#\}|\n|$)")

#: (identifier, what all has to stand in the text, in lower case with single spaces), the particular before the general.
TEXTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("AGPL-3.0", ("gnu affero general public license", "version 3")),
    ("LGPL-2.1", ("gnu lesser general public license", "version 2.1")),
    ("LGPL-3.0", ("gnu lesser general public license", "version 3")),
    ("GPL-3.0", ("gnu general public license", "version 3")),
    ("GPL-2.0", ("gnu general public license", "version 2")),
    ("GFDL-1.3", ("gnu free documentation license", "version 1.3")),
    ("Apache-2.0", ("apache license", "version 2.0")),
    ("MPL-2.0", ("mozilla public license", "2.0")),
    ("EPL-2.0", ("eclipse public license", "2.0")),
    ("BSL-1.0", ("boost software license", "version 1.0")),
    ("Unlicense", ("this is free and unencumbered software released into the public domain",)),
    ("CC0-1.0", ("cc0 1.0 universal",)),
    ("BSD-4-Clause", ("redistribution and use in source and binary forms", "all advertising materials")),
    ("BSD-3-Clause", ("redistribution and use in source and binary forms", "endorse or promote products")),
    ("BSD-2-Clause", ("redistribution and use in source and binary forms",)),
    ("MIT", ("permission is hereby granted, free of charge", "this permission notice shall be included")),
    ("MIT-0", ("permission is hereby granted, free of charge", "without restriction")),
    ("ISC", ("permission to use, copy, modify, and", "with or without fee is hereby granted, provided that")),
    ("0BSD", ("permission to use, copy, modify, and", "with or without fee is hereby granted")),
    ("Zlib", ("the origin of this software must not be misrepresented",)),
    ("PSF-2.0", ("python software foundation license version 2",)),
    ("Artistic-2.0", ("the artistic license 2.0",)),
    ("WTFPL", ("do what the fuck you want to",)),
)
CREATIVE_COMMONS = re.compile(
    r"(?:creative commons|cc)[ -]+(attribution|by)((?:[ -]+(?:non-?commercial|nc|share-?alike|sa|no-?deriv\w*|nd))*)"
    r"(?:[ -]+(?:version )?([1-4]\.[05]))?",
    re.IGNORECASE,
)
PARTS = (
    ("nc", re.compile(r"non-?commercial|\bnc\b", re.I)),
    ("nd", re.compile(r"no-?deriv|\bnd\b", re.I)),
    ("sa", re.compile(r"share-?alike|\bsa\b", re.I)),
)

ADDRESS_COMMONS = re.compile(
    r"creativecommons\.org/licenses/(by(?:-nc|-nd|-sa)*)/([1-4]\.[05])", re.IGNORECASE
)
ADDRESSES: tuple[tuple[str, str], ...] = (
    ("creativecommons.org/publicdomain/zero/1.0", "CC0-1.0"),
    ("creativecommons.org/publicdomain/mark/1.0", "public-domain"),
    ("opensource.org/licenses/mit", "MIT"),
    ("opensource.org/license/mit", "MIT"),
    ("apache.org/licenses/license-2.0", "Apache-2.0"),
    ("gnu.org/licenses/agpl-3.0", "AGPL-3.0"),
    ("gnu.org/licenses/gpl-3.0", "GPL-3.0"),
    ("gnu.org/licenses/fdl-1.3", "GFDL-1.3"),
    ("unlicense.org", "Unlicense"),
    ("opendatacommons.org/licenses/by/1", "ODC-By-1.0"),
    ("opendatacommons.org/licenses/odbl", "ODbL-1.0"),
)
#: Names as people write them, in lower case without "licen(c|s)e" and "the".
NAMES = {
    "mit": "MIT",
    "isc": "ISC",
    "unlicense": "Unlicense",
    "zlib": "Zlib",
    "cc0": "CC0-1.0",
    "cc0 1.0": "CC0-1.0",
    **dict.fromkeys(
        ("apache 2.0", "apache-2", "apache version 2.0", "apache 2", "apache software 2.0"), "Apache-2.0"
    ),
    **dict.fromkeys(("new bsd", "modified bsd", "bsd 3-clause", "bsd-3", "3-clause bsd"), "BSD-3-Clause"),
    **dict.fromkeys(("simplified bsd", "bsd 2-clause", "bsd-2", "2-clause bsd"), "BSD-2-Clause"),
    **dict.fromkeys(("gplv3", "gpl-3", "gpl 3", "gnu gplv3", "gpl-3.0-only", "gpl-3.0-or-later"), "GPL-3.0"),
    **dict.fromkeys(("gplv2", "gpl-2", "gpl 2", "gpl-2.0-only", "gpl-2.0-or-later"), "GPL-2.0"),
    **dict.fromkeys(("lgplv3", "lgpl-3", "lgpl-3.0-only", "lgpl-3.0-or-later"), "LGPL-3.0"),
    **dict.fromkeys(("agplv3", "agpl-3", "agpl-3.0-only", "agpl-3.0-or-later"), "AGPL-3.0"),
    **dict.fromkeys(("mpl", "mpl 2.0", "mozilla public 2.0"), "MPL-2.0"),
    **dict.fromkeys(("public domain", "pd"), "public-domain"),
}


class Licence(NamedTuple):
    """`evidence` says where it was found, and what was seen there."""

    name: str
    evidence: str


def of_address(address: str) -> str:
    """The licence that an address stands for, such as https://creativecommons.org/licenses/by/4.0/; "" for any other."""
    if found := ADDRESS_COMMONS.search(address):
        return f"CC-{found[1].upper()}-{found[2]}"
    lowered = address.lower()
    return next((name for part, name in ADDRESSES if part in lowered), "")


def of_words(words: str) -> str:
    """The identifier of a licence as people write it ("CC BY-SA 4.0", "the MIT License"); what is not known stays as it is."""
    plain = " ".join(words.split())
    if known := of_address(plain):
        return known
    if " OR " in plain:
        return " OR ".join(sorted({of_words(part.strip(" ()")) for part in plain.split(" OR ")}))[:LICENCE]
    bare = " ".join(re.sub(r"\b(?:licen[cs]e|the|v(?=\d))\b", " ", plain.lower()).replace(",", " ").split())
    if bare in NAMES:
        return NAMES[bare]
    found = CREATIVE_COMMONS.fullmatch(plain.removesuffix(" International").removesuffix(" Unported"))
    return _commons(found) if found else plain[:LICENCE]


def _commons(found: re.Match[str]) -> str:
    parts = "".join(f"-{key.upper()}" for key, pattern in PARTS if pattern.search(found[2] or ""))
    return f"CC-BY{parts}" + (f"-{found[3]}" if found[3] else "")


def of_text(text: str) -> str:
    """The licence whose text this is; "" where no rule knows it."""
    lowered = " ".join(text[:LARGEST].lower().replace("*", " ").replace("#", " ").split())
    if declared := spdx_line(text[:4096]):
        return declared
    known = next((name for name, parts in TEXTS if all(part in lowered for part in parts)), "")
    found = CREATIVE_COMMONS.search(lowered[:2000])
    if found and found[3] and known in ("", "CC0-1.0"):
        return _commons(found)
    return known


def spdx_line(text: str) -> str:
    """What a `SPDX-License-Identifier` in the beginning of a file says; "" without one."""
    found = SPDX_LINE.search(text)
    return of_words(found[1].strip()) if found else ""


# Packages: a licence file speaks for what lies beside and below it


def is_file(name: str) -> bool:
    """Whether a file of this name (or path) may say what licence a package has."""
    own = posixpath.basename(name)
    return own in MANIFESTS or is_licence_file(own)


def is_licence_file(name: str) -> bool:
    own = posixpath.basename(name)
    start = FILE_NAME.match(own)
    return bool(start and FILE_ENDING.fullmatch(own, start.end()) and not CODE_ENDINGS.search(own))


def read_file(name: str, content: bytes) -> Licence | None:
    """What a licence file or a manifest says. None for a manifest that says nothing, or that cannot be read."""
    own, text = posixpath.basename(name), content[:LARGEST].decode("utf-8", "replace")
    if own in MANIFESTS:
        try:
            stated = MANIFESTS[own](text)
        except (ValueError, RecursionError, TypeError, AttributeError):
            return None
        return Licence(of_words(stated), f"{name} states {shorten(stated, 80)}") if stated else None
    known = of_text(text)
    return Licence(known or OTHER, f"{name} begins “{shorten(text, 100)}”") if text.strip() else None


def _of_package_json(text: str) -> str:
    stated = json.loads(text).get("license")
    return str(stated.get("type", "") if isinstance(stated, dict) else stated or "")


def _of_toml(text: str) -> str:
    data = tomllib.loads(text)
    table = data.get("project") or data.get("package") or data.get("tool", {}).get("poetry") or {}
    stated = table.get("license")
    return str(stated.get("text", "") if isinstance(stated, dict) else stated or "").replace("/", " OR ")[
        :LICENCE
    ]


def _of_lines(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE | re.MULTILINE)


SETUP = _of_lines(r"^license\s*=\s*(.{2,80})$")
DESCRIPTION = _of_lines(r"^License:\s*(.{2,80})$")
POM = _of_lines(r"<license>\s*<name>([^<]{2,80})</name>")


def _first(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return found[1].strip() if found else ""


MANIFESTS = {
    "package.json": _of_package_json,
    "composer.json": _of_package_json,
    "pyproject.toml": _of_toml,
    "Cargo.toml": _of_toml,
    "setup.cfg": lambda text: _first(SETUP, text),
    "DESCRIPTION": lambda text: _first(DESCRIPTION, text),
    "pom.xml": lambda text: _first(POM, text),
}


def by_folder(found: Iterable[tuple[str, Licence]]) -> dict[str, Licence]:
    """The licence of each folder, from its files by path. A licence's own text outweighs a manifest."""
    held: dict[str, list[tuple[str, Licence]]] = {}
    for path, licence in found:
        held.setdefault(posixpath.dirname(path), []).append((path, licence))
    return {folder: _together(files) for folder, files in held.items()}


def _together(files: list[tuple[str, Licence]]) -> Licence:
    texts = [licence for path, licence in files if is_licence_file(path)]
    stated = [licence for path, licence in files if not is_licence_file(path)]
    known = [licence for licence in texts if licence.name != OTHER] or stated or texts
    names = {licence.name for licence in known}
    if any(name.startswith("LGPL") for name in names):
        names = {name for name in names if not name.startswith("GPL")}  # which the lesser licence comes with
    evidence = "; ".join(licence.evidence for licence in known)
    return Licence(" OR ".join(sorted(names))[:LICENCE], evidence[:400])


def nearest(path: str, folders: Mapping[str, Licence]) -> Licence | None:
    """The licence of the nearest folder above a file that has one."""
    folder = posixpath.dirname(path)
    while folders:
        if folder in folders:
            return folders[folder]
        if not folder:
            return None
        folder = posixpath.dirname(folder) if posixpath.dirname(folder) != folder else ""
    return None


def beside(path: Path, name: str, known: dict[Path, Licence | None]) -> Licence | None:
    """The licence of the nearest folder above a file of this machine; `name` is the file's path below where looking ends.

    `known` keeps what was found of each folder, for the next file.
    """
    for folder in list(path.parents)[: max(1, len(Path(name).parts))]:
        if folder not in known:
            known[folder] = _of_folder(folder)
        if found := known[folder]:
            return found
    return None


def _of_folder(folder: Path) -> Licence | None:
    try:
        files = [one for one in sorted(folder.iterdir()) if is_file(one.name) and one.is_file()]
        said = [(one.name, read_file(one.name, _beginning(one))) for one in files]
    except OSError:
        return None
    return by_folder((own, licence) for own, licence in said if licence).get("")


def _beginning(path: Path) -> bytes:
    with open(path, "rb") as content:
        return content.read(LARGEST)
