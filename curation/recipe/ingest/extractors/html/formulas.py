"""Formulas become TeX between dollars: one sign within a line, two for one that stands alone.

Sources, in order of trust: the TeX that the author wrote (KaTeX's and MathML's annotations, `alttext`, MathJax' scripts,
Wikipedia's and WordPress' pictures), then MathML itself.
"""

from __future__ import annotations

import re
from typing import Any

from curation.recipe.ingest.extractors import mathml
from curation.recipe.ingest.extractors.html.page import remove, replace

TEX_ENCODINGS = ("application/x-tex", "tex", "latex", "application/x-latex")
PICTURE = re.compile(r"\b(?:tex|latex|math|mwe-math[\w-]*|formula|equation)\b", re.IGNORECASE)
RENDERER = re.compile(r"latex|codecogs|/tex\b|mathtex|mimetex|/math/", re.IGNORECASE)
TEX_LIKE = re.compile(r"[\\^_{}=+<>]|^[A-Za-z0-9]{1,3}$")
RENDERED = (
    "preceding-sibling::*[contains(@class, 'MathJax') or contains(@class, 'mjx-')]"
    " | following-sibling::*[contains(@class, 'MathJax_Display')]"
)


def restore(root: Any) -> None:
    """Put TeX in the place of every formula. Changes the tree."""
    for script in list(root.iter("script")):
        if (script.get("type") or "").startswith("math/tex"):
            _of_mathjax(script)
    for container in root.xpath("//mjx-container | //span[contains(concat(' ', @class, ' '), ' katex ')]"):
        math = next(container.iter("math"), None)
        tex = _annotated(math) if math is not None else ""
        if not tex and math is not None:
            tex = mathml.tex_of(math)
        if tex and container.getparent() is not None:
            _put(container, tex, _stands_alone(container))
    for math in list(root.iter("math")):
        if math.getparent() is not None:
            _of_mathml(math)
    for picture in list(root.iter("img")):
        if picture.getparent() is not None:
            _of_picture(picture)
    for holder in root.xpath("//*[@data-math or @data-tex or @data-latex or @data-katex]"):
        tex = next(filter(None, map(holder.get, ("data-math", "data-tex", "data-latex", "data-katex"))), "")
        if holder.getparent() is not None and tex and TEX_LIKE.search(tex):
            _put(holder, tex, holder.tag in ("div", "p"))


def _of_mathjax(script: Any) -> None:
    for drawn in script.xpath(RENDERED):
        # What MathJax drew beside its source, twice at most: a preview and the formula.
        remove(drawn)
    if (script.text or "").strip():
        _put(script, script.text, "display" in script.get("type", ""))


def _of_mathml(math: Any) -> None:
    tex = _annotated(math) or mathml.tex_of(math)
    if not tex:
        return
    alone = _stands_alone(math)
    target = math
    above = math.getparent()
    while (
        above is not None
        and above.tag == "span"
        and re.search(r"mwe-math|mathjax|katex|mjx", (above.get("class") or "").lower())
    ):
        # A renderer's frame has the same formula as a picture or as boxes of glyphs beside it.
        target, above = above, above.getparent()
    if target.getparent() is not None:
        _put(target, tex, alone)


def _of_picture(picture: Any) -> None:
    tex = (picture.get("alt") or picture.get("data-latex") or "").strip()
    named = PICTURE.search(picture.get("class") or "") or RENDERER.search(picture.get("src") or "")
    if not (tex and named and TEX_LIKE.search(tex)) or len(tex) > mathml.LONGEST:
        return
    display = "display" in (picture.get("class") or "") or r"\begin{" in tex or r"\displaystyle" in tex
    _put(picture, tex, display and "inline" not in (picture.get("class") or ""))


def _annotated(math: Any) -> str:
    for note in math.iter("annotation"):
        if (note.get("encoding") or "").lower() in TEX_ENCODINGS and (note.text or "").strip():
            return str(note.text)
    return str(math.get("alttext") or "")


def _stands_alone(element: Any) -> bool:
    if element.get("display") in ("block", "true") or element.get("mode") == "display":
        return True
    above = element.getparent()
    for _ in range(2):
        if above is None:
            return False
        if re.search(
            r"katex-display|mathjax_display|math-display|mwe-math-element-block",
            (above.get("class") or "").lower(),
        ):
            return True
        above = above.getparent()
    return False


def clean(tex: str) -> str:
    """TeX as an author would write it: without dollars, MediaWiki's wrapper of style, and runs of white space."""
    tex = " ".join(tex.replace("\u200b", "").split())
    for opening, closing in (("$$", "$$"), ("$", "$"), (r"\(", r"\)"), (r"\[", r"\]")):
        if tex.startswith(opening) and tex.endswith(closing) and len(tex) > len(opening) + len(closing):
            tex = tex[len(opening) : -len(closing)].strip()
    if (style := re.match(r"\{\\(?:displaystyle|textstyle)\s(.*)\}$", tex)) is not None:
        tex = style[1].strip()
    return re.sub(r"^\\displaystyle\s+", "", tex.strip("% "))


def _put(element: Any, tex: str, alone: bool) -> None:
    tex = clean(tex)
    if not tex:
        return
    sign = "$$" if alone else "$"
    before = _word_before(element)
    tail = element.tail or ""
    lead = " " if alone or before.isalnum() else ""
    trail = " " if alone or tail[:1].isalnum() else ""
    replace(element, f"{lead}{sign}{tex}{sign}{trail}")


def _word_before(element: Any) -> str:
    before = element.getprevious()
    parent = element.getparent()
    text = before.tail if before is not None else parent.text if parent is not None else ""
    return (text or "")[-1:]
