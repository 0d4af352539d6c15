"""Presentation MathML to TeX, for formulas whose author left no TeX beside them. Not a renderer's full truth: the
structures that formulas are made of (fractions, roots, scripts, matrices, fences, accents), without spacing and fonts."""

from __future__ import annotations

from typing import Any

SIGNS = {
    "∑": r"\sum", "∏": r"\prod", "∫": r"\int", "∬": r"\iint", "∮": r"\oint", "√": r"\surd", "∞": r"\infty", "∂": r"\partial",
    "∇": r"\nabla", "±": r"\pm", "∓": r"\mp", "×": r"\times", "÷": r"\div", "·": r"\cdot", "⋅": r"\cdot", "∗": "*", "−": "-",
    "≤": r"\le", "≥": r"\ge", "≠": r"\ne", "≈": r"\approx", "≡": r"\equiv", "∼": r"\sim", "≃": r"\simeq", "≅": r"\cong",
    "∝": r"\propto", "∈": r"\in", "∉": r"\notin", "⊂": r"\subset", "⊆": r"\subseteq", "⊃": r"\supset", "∪": r"\cup",
    "∩": r"\cap", "∅": r"\emptyset", "∀": r"\forall", "∃": r"\exists", "¬": r"\neg", "∧": r"\wedge", "∨": r"\vee",
    "→": r"\to", "←": r"\leftarrow", "↔": r"\leftrightarrow", "⇒": r"\Rightarrow", "⇐": r"\Leftarrow", "⇔": r"\Leftrightarrow",
    "↦": r"\mapsto", "…": r"\ldots", "⋯": r"\cdots", "⋮": r"\vdots", "⋱": r"\ddots", "′": "'", "″": "''", "ℝ": r"\mathbb{R}",
    "ℕ": r"\mathbb{N}", "ℤ": r"\mathbb{Z}", "ℚ": r"\mathbb{Q}", "ℂ": r"\mathbb{C}", "ℏ": r"\hbar", "ℓ": r"\ell", "∘": r"\circ",
    "⊕": r"\oplus", "⊗": r"\otimes", "⟨": r"\langle", "⟩": r"\rangle", "‖": r"\|", "∥": r"\parallel", "⊥": r"\perp", "∠": r"\angle",
    "α": r"\alpha", "β": r"\beta", "γ": r"\gamma", "δ": r"\delta", "ε": r"\varepsilon", "ϵ": r"\epsilon", "ζ": r"\zeta",
    "η": r"\eta", "θ": r"\theta", "ϑ": r"\vartheta", "ι": r"\iota", "κ": r"\kappa", "λ": r"\lambda", "μ": r"\mu", "ν": r"\nu",
    "ξ": r"\xi", "π": r"\pi", "ρ": r"\rho", "σ": r"\sigma", "τ": r"\tau", "υ": r"\upsilon", "φ": r"\varphi", "ϕ": r"\phi",
    "χ": r"\chi", "ψ": r"\psi", "ω": r"\omega", "Γ": r"\Gamma", "Δ": r"\Delta", "Θ": r"\Theta", "Λ": r"\Lambda", "Ξ": r"\Xi",
    "Π": r"\Pi", "Σ": r"\Sigma", "Φ": r"\Phi", "Ψ": r"\Psi", "Ω": r"\Omega", "{": r"\{", "}": r"\}", "%": r"\%", "#": r"\#",
    "&": r"\&", "$": r"\$", "_": r"\_", "\u2061": "", "\u2062": "", "\u2063": "", "\u2064": "", "\u200b": "",
}  # fmt: skip
FUNCTIONS = frozenset({
    "sin", "cos", "tan", "cot", "sec", "csc", "sinh", "cosh", "tanh", "arcsin", "arccos", "arctan", "log",
    "ln", "exp", "lim", "limsup", "liminf", "max", "min", "sup", "inf", "det", "dim", "ker", "gcd", "deg",
    "arg", "Pr",
})  # fmt: skip
ACCENTS = {
    "^": "hat", "ˆ": "hat", "~": "tilde", "˜": "tilde", "¯": "bar", "‾": "overline", "_": "bar", "―": "overline", "→": "vec",
    "⃗": "vec", "˙": "dot", "¨": "ddot", "⏞": "overbrace", "ˇ": "check", "˘": "breve",
}  # fmt: skip
BIG = frozenset({r"\sum", r"\prod", r"\int", r"\iint", r"\oint", r"\lim", r"\max", r"\min", r"\sup", r"\inf"})
LONGEST = 20_000  # characters of TeX; a formula of more is an attack


def tex_of(math: Any) -> str:
    """The TeX of a `<math>` element; "" where there is nothing in it. Works from the leaves up, so that depth costs no stack."""
    made: dict[Any, str] = {}
    for element in _leaves_first(math):
        parts = [made.pop(child, "") for child in element]
        tex = _of(_name(element), element, parts)
        if len(tex) > LONGEST:
            return ""
        made[element] = tex
    return " ".join(made.get(math, "").split())


def _leaves_first(math: Any) -> list[Any]:
    order, waiting = [], [math]
    while waiting:
        one = waiting.pop()
        order.append(one)
        waiting.extend(one)
    return order[::-1]


def _name(element: Any) -> str:
    return (
        str(element.tag).rsplit("}", 1)[-1].rsplit(":", 1)[-1].lower() if isinstance(element.tag, str) else ""
    )


def _of(name: str, element: Any, parts: list[str]) -> str:
    if name in ("mi", "mn", "mo", "ms", "mtext"):
        return _token(name, "".join(element.itertext()).strip())
    make = _STRUCTURES.get(name)
    if make is not None and len(parts) >= make[0]:
        return make[1](element, parts)
    if name in ("annotation", "annotation-xml", "mspace", "maligngroup", "malignmark", "none", "mprescripts"):
        return ""
    return _row(parts)


def _token(name: str, text: str) -> str:
    if not text:
        return ""
    if name in ("mtext", "ms"):
        return rf"\text{{{text}}}" if text.strip() else " "
    if text in FUNCTIONS:
        return rf"\{text} "
    if name == "mi" and len(text) > 1 and text.isalpha() and text.isascii():
        return rf"\mathrm{{{text}}}"
    tex = "".join(
        SIGNS.get(sign, sign) + (" " if SIGNS.get(sign, "").startswith("\\") else "") for sign in text
    )
    return tex if name != "mo" or len(tex) < 2 else f" {tex.strip()} "


def _row(parts: list[str]) -> str:
    return "".join(parts)


def _group(tex: str) -> str:
    tex = tex.strip()
    return tex if len(tex) == 1 else f"{{{tex}}}"


def _base(tex: str) -> str:
    tex = tex.strip()
    plain = len(tex) <= 1 or tex.isdigit() or (tex[0] == "\\" and tex[1:].isalpha()) or tex in BIG
    return tex if plain else f"{{{tex}}}"


def _over(_: Any, parts: list[str]) -> str:
    base, sign = parts[0], parts[1].strip()
    mark = next((name for glyph, name in ACCENTS.items() if sign in (glyph, SIGNS.get(glyph))), "")
    if mark:
        return rf"\{mark}{{{base.strip()}}}"
    return (
        rf"{base.strip()}^{_group(sign)}" if base.strip() in BIG else rf"\overset{{{sign}}}{{{base.strip()}}}"
    )


def _under(_: Any, parts: list[str]) -> str:
    base, sign = parts[0].strip(), parts[1].strip()
    return f"{base}_{_group(sign)}" if base in BIG else rf"\underset{{{sign}}}{{{base}}}"


def _fenced(element: Any, parts: list[str]) -> str:
    signs = element.get("separators")
    between = "," if signs is None else signs.strip()[:1]
    opening, closing = element.get("open", "("), element.get("close", ")")
    return f"{SIGNS.get(opening, opening)}{between.join(parts)}{SIGNS.get(closing, closing)}"


def _table(_: Any, parts: list[str]) -> str:
    rows = r" \\ ".join(part.strip() for part in parts)
    return rf"\begin{{matrix}}{rows}\end{{matrix}}"


def _fraction(element: Any, parts: list[str]) -> str:
    over, under = parts[0].strip(), parts[1].strip()
    if element.get("linethickness") in ("0", "0px", "0pt"):
        return rf"\binom{{{over}}}{{{under}}}"
    return rf"\frac{{{over}}}{{{under}}}"


def _scripts(low: int | None, high: int | None) -> Any:
    def make(_: Any, parts: list[str]) -> str:
        tex = _base(parts[0])
        if low is not None and parts[low].strip():
            tex += f"_{_group(parts[low])}"
        if high is not None and parts[high].strip():
            tex += f"^{_group(parts[high])}"
        return tex + (" " if tex[-1].isalpha() and "\\" in tex else "")

    return make


#: Element → (children it needs, how its TeX is made of theirs).
_STRUCTURES: dict[str, tuple[int, Any]] = {
    "mfrac": (2, _fraction),
    "msqrt": (0, lambda _, parts: rf"\sqrt{{{_row(parts).strip()}}}"),
    "mroot": (2, lambda _, parts: rf"\sqrt[{parts[1].strip()}]{{{parts[0].strip()}}}"),
    "msup": (2, _scripts(None, 1)),
    "msub": (2, _scripts(1, None)),
    "msubsup": (3, _scripts(1, 2)),
    "munderover": (3, _scripts(1, 2)),
    "mover": (2, _over),
    "munder": (2, _under),
    "mfenced": (0, _fenced),
    "mtable": (0, _table),
    "mtr": (0, lambda _, parts: " & ".join(part.strip() for part in parts)),
    "semantics": (1, lambda _, parts: parts[0]),
    "mphantom": (0, lambda _, parts: ""),
}
