"""MathML to TeX: what a publisher's formula says, for a text in which formulas stand between dollars.

The author's own TeX is taken where the formula carries it (`annotation`). The rest is written from presentation MathML
(W3C MathML 3): structure first, signs by their commands, spacing only where it parts words.
"""

from __future__ import annotations

from typing import Any

from curation.recipe.ingest.extractors.markup import children, local

SMALL = "alpha beta gamma delta varepsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon varphi chi psi omega"
LARGE = "Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega"
NAMED = (
    "arccos arcsin arctan arg cos cosh cot coth csc deg det dim exp gcd hom inf ker lg lim liminf limsup ln log max "
    "min Pr sec sin sinh sup tan tanh"
)
FUNCTIONS = frozenset(NAMED.split())

#: Signs that have a command; what is not here stands as itself, which every modern TeX engine reads.
SIGNS: dict[str, str] = {
    **dict(zip("αβγδεζηθικλμνξπρστυφχψω", SMALL.split(), strict=True)),
    **dict(zip("ΓΔΘΛΞΠΣΥΦΨΩ", LARGE.split(), strict=True)),
    "ϵ": "epsilon", "ϕ": "phi", "ϑ": "vartheta", "ϱ": "varrho", "ς": "varsigma", "∑": "sum", "∏": "prod", "∫": "int",
    "∬": "iint", "∮": "oint", "∂": "partial", "∇": "nabla", "∞": "infty", "±": "pm", "∓": "mp", "×": "times", "÷": "div",
    "·": "cdot", "⋅": "cdot", "∗": "ast", "∘": "circ", "≤": "le", "≥": "ge", "≦": "le", "≧": "ge", "≪": "ll", "≫": "gg",
    "≠": "ne", "≈": "approx", "≃": "simeq", "≅": "cong", "≡": "equiv", "∼": "sim", "∝": "propto", "→": "to", "←": "leftarrow",
    "↔": "leftrightarrow", "⇒": "Rightarrow", "⇐": "Leftarrow", "⇔": "Leftrightarrow", "↦": "mapsto", "∈": "in", "∉": "notin",
    "∋": "ni", "⊂": "subset", "⊆": "subseteq", "⊃": "supset", "⊇": "supseteq", "∪": "cup", "∩": "cap", "∖": "setminus",
    "∅": "emptyset", "∀": "forall", "∃": "exists", "¬": "neg", "∧": "wedge", "∨": "vee", "⊕": "oplus", "⊗": "otimes",
    "⟨": "langle", "⟩": "rangle", "〈": "langle", "〉": "rangle", "⌊": "lfloor", "⌋": "rfloor", "⌈": "lceil", "⌉": "rceil",
    "…": "ldots", "⋯": "cdots", "⋮": "vdots", "⋱": "ddots", "′": "prime", "″": "prime\\prime", "ℓ": "ell", "ℏ": "hbar",
    "ℝ": "mathbb{R}", "ℕ": "mathbb{N}", "ℤ": "mathbb{Z}", "ℚ": "mathbb{Q}", "ℂ": "mathbb{C}", "ℙ": "mathbb{P}",
    "𝔼": "mathbb{E}", "∥": "Vert", "‖": "Vert", "∣": "mid", "⊤": "top", "⊥": "perp", "†": "dagger", "∠": "angle",
}  # fmt: skip

PLAIN = {"−": "-", "\u2061": "", "\u2062": " ", "\u2063": " ", "\u2064": "", "\u200b": "", "\u00a0": r"\ "}
ESCAPED = {
    "{": r"\{",
    "}": r"\}",
    "%": r"\%",
    "#": r"\#",
    "&": r"\&",
    "$": r"\$",
    "_": r"\_",
    "\\": r"\backslash ",
}

OVER = {"¯": "bar", "‾": "overline", "_": "overline", "^": "hat", "ˆ": "hat", "̂": "hat", "~": "tilde", "˜": "tilde",
        "∼": "tilde", "→": "vec", "⃗": "vec", "˙": "dot", ".": "dot", "¨": "ddot", "⏞": "overbrace", "ˇ": "check"}  # fmt: skip
FENCES = {
    "{": r"\{",
    "}": r"\}",
    "⟨": r"\langle ",
    "⟩": r"\rangle ",
    "〈": r"\langle ",
    "〉": r"\rangle ",
    "": ".",
}
STYLES = {"bold": "mathbf", "double-struck": "mathbb", "script": "mathcal", "fraktur": "mathfrak", "sans-serif": "mathsf"}  # fmt: skip
LONGEST = 20_000  # characters of TeX
DEPTH = 60  # elements inside each other
ACROSS = frozenset("∑∏∫⋃⋂") | {"lim", "max", "min", "sup", "inf", "arg"}


def tex_of(formula: Any) -> str:
    """TeX of a `math` element, without dollars; "" when there is nothing in it, or more than a formula ever holds."""
    if _depth(formula) > DEPTH:
        return ""
    for note in formula.iter():
        if local(note) == "annotation" and "tex" in (note.get("encoding") or "").lower():
            return " ".join("".join(note.itertext()).split())
    written = " ".join(_row(formula).split())
    return written if len(written) <= LONGEST else ""


def _depth(formula: Any) -> int:
    """How deep elements stand in each other, up to one more than may be; without a call for each level."""
    level, depth = [formula], 0
    while level and depth <= DEPTH:
        level = [inner for element in level for inner in element]
        depth += 1
    return depth


def _row(element: Any) -> str:
    return _joined([_one(inner) for inner in element if local(inner)])


def _joined(pieces: list[str]) -> str:
    """Pieces side by side: a command is kept apart from the letter after it, and nothing else is."""
    out = ""
    for piece in pieces:
        parted = out[-1:].isalpha() and piece[:1].isalpha() and _ends_in_command(out)
        out += (" " if parted else "") + piece
    return out


def _ends_in_command(text: str) -> bool:
    return text[len(text.rstrip("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")) - 1 :][:1] == "\\"


def _one(element: Any) -> str:
    name = local(element)
    written = WRITERS.get(name)
    return written(element) if written else _row(element) if len(element) else _text(element)


def _text(element: Any) -> str:
    return "".join(_sign(letter) for letter in "".join((element.text or "").split()))


def _sign(letter: str) -> str:
    if letter in SIGNS:
        return f"\\{SIGNS[letter]}" if SIGNS[letter].endswith("}") else f"\\{SIGNS[letter]} "
    return PLAIN.get(letter, ESCAPED.get(letter, letter))


def _identifier(element: Any) -> str:
    word = "".join((element.text or "").split())
    if word in FUNCTIONS:
        return f"\\{word} "
    written = _text(element)
    if style := STYLES.get((element.get("mathvariant") or "").removesuffix("-italic")):
        return f"\\{style}{{{written.strip()}}}"
    return f"\\mathrm{{{written}}}" if len(word) > 1 and word.isalpha() else written


def _operator(element: Any) -> str:
    word = "".join((element.text or "").split())
    written = f"\\{word}" if word in FUNCTIONS else _text(element)
    return f" {written.strip()} " if len(written) > 1 else written


def _words(element: Any) -> str:
    words = "".join(element.itertext()).replace("\u00a0", " ")
    return f"\\text{{{words}}}" if words.strip() else " "


def _group(element: Any) -> str:
    return f"{{{_one(element).strip()}}}"


def _script(element: Any) -> str:
    """`msub`, `msup`, `msubsup`, and `munder`, `mover`, `munderover` of signs that take limits."""
    name = local(element)
    parts = [inner for inner in element if local(inner)]
    if not parts:
        return ""
    bottom = parts[1] if len(parts) > 1 and name in ("msub", "msubsup", "munder", "munderover") else None
    top = parts[-1] if len(parts) > 1 and name in ("msup", "msubsup", "mover", "munderover") else None
    base = _one(parts[0]).strip()
    simple = len(base) == 1 or local(parts[0]) in ("mi", "mn", "mo")
    out = base if simple and base else f"{{{base}}}"
    for mark, script in (("_", bottom), ("^", top)):
        if script is not None:
            words = _one(script).strip()
            out += mark + (words if len(words) == 1 else f"{{{words}}}")
    return out + (" " if out[-1:].isalpha() and "\\" in out else "")


def _over(element: Any) -> str:
    parts = [inner for inner in element if local(inner)]
    if len(parts) == 2:
        mark = "".join("".join(parts[1].itertext()).split())
        base = "".join("".join(parts[0].itertext()).split())
        if local(element) == "mover" and mark in OVER:
            return f"\\{OVER[mark]}{_group(parts[0])}"
        if local(element) == "munder" and mark in ("_", "¯", "̲"):
            return f"\\underline{_group(parts[0])}"
        if base not in ACROSS:
            command = "overset" if local(element) == "mover" else "underset"
            return f"\\{command}{_group(parts[1])}{_group(parts[0])}"
    return _script(element)


def _fraction(element: Any) -> str:
    parts = [inner for inner in element if local(inner)]
    if len(parts) != 2:
        return _row(element)
    return (
        f"\\{'binom' if element.get('linethickness') == '0' else 'frac'}{_group(parts[0])}{_group(parts[1])}"
    )


def _root(element: Any) -> str:
    parts = [inner for inner in element if local(inner)]
    if local(element) == "mroot" and len(parts) == 2:
        return f"\\sqrt[{_one(parts[1]).strip()}]{_group(parts[0])}"
    return f"\\sqrt{{{_row(element).strip()}}}"


def _fenced(element: Any) -> str:
    opening, closing = element.get("open", "("), element.get("close", ")")
    separators = "".join(element.get("separators", ",").split())
    parts = [_one(inner) for inner in element if local(inner)]
    inside = ""
    for number, part in enumerate(parts):
        if number and separators:
            inside += separators[min(number - 1, len(separators) - 1)] + " "
        inside += part
    return f"\\left{FENCES.get(opening, opening)} {inside.strip()} \\right{FENCES.get(closing, closing)} "


def _table(element: Any) -> str:
    lines = []
    for line in children(element, "mtr", "mlabeledtr"):
        cells = [_row(cell).strip() for cell in children(line, "mtd")]
        lines.append(" & ".join(cells))
    if len(lines) == 1 and "&" not in lines[0]:
        return lines[0]
    return "\\begin{matrix}" + " \\\\ ".join(lines) + "\\end{matrix}"


def _scripts_around(element: Any) -> str:
    """`mmultiscripts`: pairs after the base, then `mprescripts` and pairs before it."""
    parts = [inner for inner in element if local(inner)]
    if not parts:
        return ""
    base = _one(parts[0]).strip()
    before: list[str] = []
    after: list[str] = []
    pairs = after
    for part in parts[1:]:
        if local(part) == "mprescripts":
            pairs = before
        else:
            pairs.append("" if local(part) == "none" else _one(part).strip())
    return _pairs(before, "{}") + base + _pairs(after, "")


def _pairs(scripts: list[str], base: str) -> str:
    out = "".join(
        (f"_{{{word}}}" if number % 2 == 0 else f"^{{{word}}}") for number, word in enumerate(scripts) if word
    )
    return base + out if out else ""


WRITERS = {
    "mi": _identifier,
    "mn": _text,
    "mo": _operator,
    "mtext": _words,
    "ms": _words,
    "mspace": lambda element: " ",
    "mfrac": _fraction,
    "msqrt": _root,
    "mroot": _root,
    "msub": _script,
    "msup": _script,
    "msubsup": _script,
    "munderover": _script,
    "munder": _over,
    "mover": _over,
    "mfenced": _fenced,
    "mtable": _table,
    "mmultiscripts": _scripts_around,
    "semantics": lambda element: _one(element[0]) if len(element) else "",
    "annotation": lambda element: "",
    "annotation-xml": lambda element: "",
    "mphantom": lambda element: "",
}  # fmt: skip
