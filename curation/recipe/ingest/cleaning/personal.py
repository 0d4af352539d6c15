"""What tells a mail address, telephone number, account, card or network address from what only looks like one.

Each rule is a pattern and a judgement of its matches. Checksums: ISO 13616 (IBAN, modulo 97), ISO/IEC 7812 (cards, Luhn).
"""

from __future__ import annotations

import ipaddress
import re

#: Signs that a number is dialled. They stand right before it, or in the head of its column.
_CALLED = re.compile(
    r"(?:\b(?:tel(?:ephone|efon|efono|éfono|éphone|efoon|\.)?|tél|phones?|call|mobile|cell|fax|handy|mobil|whats ?app|sms|hotline|ruf(?:nummer)?|contact (?:no|number)|"
    r"dial|ring|text|telefonnummer|móvil|celular|portable|numéro|cellulare|telefoon|тел(?:ефон)?)\b|電話|电话|手机|전화|☎|☏|📞|📱)[^\n\d+(]{0,25}$",
    re.IGNORECASE,
)
#: Signs that a number is something else.
_OTHERWISE = re.compile(
    r"(?:\b(?:isbn|issn|doi|arxiv|pmid|orcid|version|ver|v|rev|release|build|section|chapter|figure|fig|table|eq|equation|no|nr|part|model|serial|order|"
    r"invoice|ticket|issue|rfc|iso|patent|id|sku|ean|upc|oid|bytes|port|lot|case|ref|pp|pages|nummer)\b|#|§|€|\$|£|¥|№)[^\n\w]{0,4}$",
    re.IGNORECASE,
)
_BEFORE = 48  # characters that are looked at for such signs


def before(found: re.Match[str], length: int = _BEFORE) -> str:
    return found.string[max(0, found.start() - length) : found.start()]


# Mail -----------------------------------------------------------------------------------------------------

#: RFC 2606 and RFC 6761, and what documentation says as well.
_EXAMPLE_DOMAIN = re.compile(
    r"(?:^|\.)(?:example(?:\.(?:com|org|net|edu))?|test|invalid|localhost|local|domain\.(?:com|tld)|yourdomain\.com|mydomain\.com|company\.com|email\.com|mail\.tld)$",
    re.IGNORECASE,
)
#: Endings of files and packages, which are no top-level domains: icon@2x.png, react@18.2.0, mixin@media.scss.
_NO_DOMAIN = frozenset(
    [
        "png",
        "jpg",
        "jpeg",
        "gif",
        "svg",
        "webp",
        "css",
        "scss",
        "less",
        "js",
        "jsx",
        "ts",
        "tsx",
        "mjs",
        "json",
        "xml",
        "html",
        "htm",
        "php",
        "py",
        "rb",
        "cpp",
        "c",
        "h",
        "java",
        "class",
        "md",
        "txt",
        "pdf",
        "zip",
        "gz",
        "tar",
        "min",
        "map",
        "lock",
        "yml",
        "yaml",
        "toml",
        "ini",
        "cfg",
        "conf",
        "log",
        "csv",
    ]
)
_NOBODY = frozenset(
    ["git", "hg", "svn", "user", "username", "you", "your", "name", "someone", "me", "foo", "bar"]
)


def _is_email(found: re.Match[str]) -> bool:
    if found["top"].lower() in _NO_DOMAIN or _EXAMPLE_DOMAIN.search(found["domain"]):
        return False
    after = found.string[found.end() : found.end() + 1]
    if after in (":", "/") and found["local"].lower() in ("git", "hg", "svn"):
        return False  # git@host.org:owner/repository
    return found["local"].lower() not in _NOBODY


EMAIL = (
    re.compile(
        r"(?<![\w.+@/-])(?P<local>[A-Za-z0-9_\u00c0-\u024f\u0370-\u052f][A-Za-z0-9_\u00c0-\u024f\u0370-\u052f.+'-]{0,63})@"
        r"(?P<domain>(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.){1,6}(?P<top>[^\W\d_A-Z]{2,24}|[A-Z]{2,12}|xn--[a-z0-9-]{2,40}))(?![\w@-])"
    ),
    _is_email,
)


def _is_spelt_email(found: re.Match[str]) -> bool:
    return not _EXAMPLE_DOMAIN.search(re.sub(r"\s*[\[({]\s*dot\s*[\])}]\s*|\s+dot\s+", ".", found["domain"]))


#: "jane [at] uni-town [dot] edu", with brackets around "at": without them it is a sentence.
EMAIL_IN_WORDS = (
    re.compile(
        r"\b[\w.+-]{2,64}\s?[\[({]\s?at\s?[\])}]\s?(?P<domain>[\w-]{2,63}(?:\s?(?:[\[({]\s?dot\s?[\])}]|\.)\s?[\w-]{2,63}){1,4})\b",
        re.IGNORECASE,
    ),
    _is_spelt_email,
)

# Telephone ------------------------------------------------------------------------------------------------

_PHONE = re.compile(
    r"(?<![\w.,/+-])(?:(?P<plus>\+|00(?=[1-9]))\d{1,3}(?:[ .\-/\u00a0]?\(0?\d{0,5}\))?|\(\d{2,5}\)|1[ .-](?=\(?[2-9])|\d{2,5})(?:[ \u00a0]?[.\-/\u2011\u2013]?[ \u00a0]?\d{1,5}){1,7}(?:\s?(?:x|ext\.?)\s?\d{1,5})?(?![\w/]|[.,:\-]\d)"
)
_AMERICAN = re.compile(
    r"(?:\+?1[ .-])?(?:\([2-9]\d\d\)[ .-]?|[2-9]\d\d[.-])[2-9]\d\d[.-]\d{4}(?:\s?(?:x|ext\.?)\s?\d{1,5})?"
)
#: Numbers that films and books may use (NANP 555-0100 to 0199; Ofcom's for drama).
_FICTIONAL = re.compile(r"55501\d\d$|^(?:44|0)?20794\d{5}$|^(?:44|0)?7700900\d{3}$|^(?:44|0)?1632960\d{3}$")
_DATE = re.compile(
    r"(?:19|20)\d\d[-./ ](?:0?[1-9]|1[0-2])[-./ ]\d{1,2}\b|\d{1,2}[-./]\d{1,2}[-./](?:19|20)\d\d|(?:1\d|20)\d\d ?[-\u2013/] ?(?:1\d|20)\d\d$"
)
_LINE = re.compile(r"[^\n]*")


def _is_phone(found: re.Match[str]) -> bool:
    said = found[0]
    number = re.sub(r"\s?(?:x|ext\.?)\s?\d{1,5}$", "", said)
    digits = re.sub(r"\D", "", number)
    ahead = before(found)
    if not 7 <= len(digits) <= 15 or _FICTIONAL.search(digits) or len(set(digits)) < 3:
        return False
    called = _CALLED.search(ahead) is not None
    if (_OTHERWISE.search(ahead) and not called) or _DATE.match(said) or _in_formula(found):
        return False
    if found["plus"] == "+":
        if digits[0] == "1" and not re.match(r"1[2-9]\d{9}$", digits):
            return False  # North America; else it is a sum
        return len(digits) >= 9 and not re.search(r"[=*^]\s?$", ahead[-2:]) and digits[0] != "0"
    if called or _column_is_called(found):
        return True
    if found["plus"]:
        return False
    return _AMERICAN.fullmatch(said) is not None and not _in_table(found)


def _in_table(found: re.Match[str]) -> bool:
    """Whether the line is a row of a table or of mere numbers."""
    line = _line_of(found)
    return (
        line.count("|") >= 2
        or "\t" in line
        or (
            sum(map(str.isalpha, line)) < sum(map(str.isdigit, line)) / 2
            and len(re.findall(r"\d[\d.-]{3,}", line)) > 1
        )
    )


def _column_is_called(found: re.Match[str]) -> bool:
    """Whether the number stands in a Markdown table's column whose head says that it is a telephone."""
    text, start = found.string, found.start()
    line_start = text.rfind("\n", 0, start) + 1
    if "|" not in text[line_start:start]:
        return False
    column = text.count("|", line_start, start)
    head = ""
    above = line_start
    for _ in range(200):
        if above == 0:
            break
        previous = text.rfind("\n", 0, above - 1) + 1
        row = text[previous : above - 1]
        if "|" not in row:
            break
        head, above = row, previous
    cells = head.split("|")
    return column < len(cells) and _CALLED.search(cells[column].strip()) is not None


def _line_of(found: re.Match[str]) -> str:
    start = found.string.rfind("\n", 0, found.start()) + 1
    line = _LINE.match(found.string, start)
    return line[0] if line else ""


def _in_formula(found: re.Match[str]) -> bool:
    """Whether an odd number of dollars stands before it on its line: what is between two is TeX."""
    start = found.string.rfind("\n", 0, found.start()) + 1
    return (
        found.string.count("$", start, found.start()) % 2 == 1
        and "$" in found.string[found.end() : found.end() + 200].partition("\n")[0]
    )


PHONE = (_PHONE, _is_phone)

# Accounts and cards -----------------------------------------------------------------------------------------

#: Lengths of account numbers by country (ISO 13616 registry).
_IBAN_LENGTHS = {
    **dict.fromkeys(("NO",), 15), **dict.fromkeys(("BE",), 16), **dict.fromkeys(("DK", "FI", "NL", "FO", "GL"), 18), **dict.fromkeys(("MK", "SI"), 19),
    **dict.fromkeys(("AT", "BA", "EE", "KZ", "LT", "LU", "XK"), 20), **dict.fromkeys(("CH", "HR", "LI", "LV"), 21),
    **dict.fromkeys(("BG", "DE", "GB", "GE", "IE", "ME", "RS", "BH", "CR", "VA"), 22), **dict.fromkeys(("AE", "GI", "IL", "TL", "IQ"), 23),
    **dict.fromkeys(("AD", "CZ", "ES", "MD", "PK", "RO", "SA", "SE", "SK", "TN", "VG"), 24), **dict.fromkeys(("PT", "ST"), 25), **dict.fromkeys(("IS", "TR"), 26),
    **dict.fromkeys(("FR", "GR", "IT", "MC", "SM", "MR"), 27), **dict.fromkeys(("AL", "AZ", "CY", "DO", "GT", "HU", "LB", "PL", "BY", "SV"), 28),
    **dict.fromkeys(("BR", "EG", "PS", "QA", "UA"), 29), **dict.fromkeys(("JO", "KW", "MU"), 30), **dict.fromkeys(("MT", "SC"), 31), "LC": 32,
}  # fmt: skip


def _is_iban(found: re.Match[str]) -> bool:
    number = re.sub(r"\s", "", found[0]).upper()
    if len(number) != _IBAN_LENGTHS.get(number[:2]):
        return False
    return int("".join(str(int(sign, 36)) for sign in number[4:] + number[:4])) % 97 == 1


IBAN = (re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?![A-Za-z0-9])"), _is_iban)  # fmt: skip

_CARD_WORDS = re.compile(
    r"\b(?:card|visa|master ?card|amex|american express|credit|debit|karte|carte|tarjeta|discover|cc)\b",
    re.IGNORECASE,
)
#: Numbers that payment providers publish for trying things out.
_TEST_CARDS = frozenset(
    [
        "4111111111111111",
        "4242424242424242",
        "4012888888881881",
        "4222222222222",
        "4000056655665556",
        "5555555555554444",
        "5105105105105100",
        "5200828282828210",
        "2223003122003222",
        "378282246310005",
        "371449635398431",
        "378734493671000",
        "6011111111111117",
        "6011000990139424",
        "3530111333300000",
        "3566002020360505",
        "30569309025904",
        "38520000023237",
        "4000000000000002",
        "4000000000000069",
        "4532015112830366",
    ]
)


def luhn(digits: str) -> bool:
    total = 0
    for at, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + at % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def _is_card(found: re.Match[str]) -> bool:
    digits = re.sub(r"\D", "", found[0])
    issuer = re.match(
        r"(?:4\d{12}(?:\d{3})?$|5[1-5]\d{14}$|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}$|3[47]\d{13}$|6(?:011|5\d\d|4[4-9]\d)\d{12}$|35\d{14}$|3(?:0[0-5]|[68]\d)\d{11}$)",
        digits,
    )
    if not issuer or digits in _TEST_CARDS or len(set(digits)) < 4 or not luhn(digits):
        return False
    grouped = len(digits) < len(found[0])
    return (grouped and not _in_table(found)) or _CARD_WORDS.search(before(found, 60)) is not None


CARD = (
    re.compile(
        r"(?<![\w.,+-])(?:\d{4}(?P<between>[ -]?)\d{4}(?P=between)\d{4}(?P=between)\d{4}|3\d{3}(?P<amex>[ -]?)\d{6}(?P=amex)\d{4,5}|4\d{12})(?![\w]|[.,-]\d)"
    ),
    _is_card,
)


def _is_national_id(found: re.Match[str]) -> bool:
    area, group, serial = found["area"], found["group"], found["serial"]
    return area not in ("000", "666") and area < "900" and group != "00" and serial != "0000"


NATIONAL_ID = (
    re.compile(
        r"\b(?:SSN|social security(?: (?:number|no\.?))?)\b[^\d\n]{0,20}(?P<it>(?P<area>\d{3})[- ](?P<group>\d{2})[- ](?P<serial>\d{4}))(?![\d-])",
        re.IGNORECASE,
    ),
    _is_national_id,
)

# Network addresses ------------------------------------------------------------------------------------------

_IP_WORDS = re.compile(
    r"\b(?:ip(?:v[46])?|addr(?:ess)?|hosts?|servers?|from|ping|ssh|inet|connect(?:ed|ion)?|client|peer|remote|gateway|dns|login|https?|rhost|src|dst)\b[^\n]{0,30}$",
    re.IGNORECASE,
)
_VERSION_WORDS = re.compile(
    r"(?:\b(?:v|ver|version|release|build|rev|firmware|driver|section|sec|chapter|clause|theorem|lemma|figure|fig|table|oid|upgrade(?:d)? to|"
    r"chrome|chromium|edge|mozilla|opera|safari|assembly\w*)\b\.?[\s:/=\"'-]{0,4}|[§#v/][ ]?)$",
    re.IGNORECASE,
)
#: Open resolvers that every manual names.
_KNOWN_RESOLVERS = frozenset(
    ["8.8.8.8", "8.8.4.4", "1.1.1.1", "1.0.0.1", "9.9.9.9", "208.67.222.222", "208.67.220.220"]
)


def _is_four(found: re.Match[str]) -> bool:
    said = found["it"]
    parts = [int(part) for part in said.split(".")]
    if (
        any(part > 255 for part in parts)
        or said in _KNOWN_RESOLVERS
        or any(len(p) > 1 and p[0] == "0" for p in said.split("."))
    ):
        return False
    if not ipaddress.IPv4Address(said).is_global or parts[0] >= 224:
        return False
    ahead = before(found)
    if _VERSION_WORDS.search(ahead) or not ahead.rpartition("\n")[2].strip(" \t#*>-"):
        # A heading's number, or a line that starts with one: an address when it is more than counting.
        return bool(_IP_WORDS.search(ahead)) or (
            max(parts) > 99 and not _VERSION_WORDS.search(ahead) and min(parts[:2]) > 0
        )
    return max(parts) > 40 or bool(_IP_WORDS.search(ahead))


IP_FOUR = (
    re.compile(r"(?<![\w.-])(?P<it>\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3})(?:/\d{1,2}|:\d{2,5})?(?![\w-]|\.\d)"),
    _is_four,
)


def _is_six(found: re.Match[str]) -> bool:
    try:
        address = ipaddress.IPv6Address(found["it"])
    except ValueError:
        return False
    return address.is_global and found["it"].count(":") >= 3


IP_SIX = (re.compile(r"(?<![\w:.])(?P<it>[23][0-9a-fA-F]{3}:[0-9a-fA-F:]{4,34}[0-9a-fA-F:])(?![\w:.]*:)(?!\w)"), _is_six)  # fmt: skip
