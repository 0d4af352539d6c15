"""Code on a page: what a highlighter made of it is undone, so that lines, indentation and language are left.

`tidy` works on the tree before anything else sees it and leaves each piece of code as one `<pre data-language>` of bare
text; `fenced` makes Markdown of such an element.
"""

from __future__ import annotations

import itertools
import re
from typing import Any

from curation.recipe.ingest.extractors.html.page import remove, words_in

#: What holds code: highlighters' own frames (Pygments, Rouge, SyntaxHighlighter, Crayon, highlight.js' line numbers,
#: GitHub's file view, CodeMirror, Monaco, EnlighterJS).
FRAMES = (
    "//table[contains(@class,'highlighttable') or contains(@class,'rouge-table') or contains(@class,'hljs-ln')"
    " or contains(@class,'crayon-table') or contains(@class,'js-file-line-container') or contains(@class,'codetable')]"
    " | //div[contains(concat(' ',@class,' '),' syntaxhighlighter ')]//table"
    " | //div[contains(concat(' ',@class,' '),' CodeMirror-code ') or contains(concat(' ',@class,' '),' view-lines ')]"
)
NUMBERS = (
    ".//*[contains(concat(' ',@class,' '),' lineno ') or contains(concat(' ',@class,' '),' linenos ')"
    " or contains(concat(' ',@class,' '),' lineNumbers ') or contains(concat(' ',@class,' '),' line-numbers-rows ')"
    " or contains(concat(' ',@class,' '),' line-number ') or contains(concat(' ',@class,' '),' gutter ')"
    " or contains(concat(' ',@class,' '),' rouge-gutter ') or contains(concat(' ',@class,' '),' gl ')"
    " or contains(concat(' ',@class,' '),' crayon-nums ') or contains(concat(' ',@class,' '),' hljs-ln-numbers ')"
    " or contains(concat(' ',@class,' '),' blob-num ') or contains(concat(' ',@class,' '),' CodeMirror-linenumber ')"
    " or contains(concat(' ',@class,' '),' linenumber ') or contains(concat(' ',@class,' '),' ln ')"
    " or contains(concat(' ',@class,' '),' linenodiv ') or contains(concat(' ',@class,' '),' line-numbers ')"
    " or contains(concat(' ',@class,' '),' react-syntax-highlighter-line-number ')]"
)
LINES = frozenset(
    {"line", "code-line", "crayon-line", "view-line", "codemirror-line", "token-line", "ec-line"}
)
BUTTONS = ".//button | .//*[contains(@class,'copy') and not(self::pre) and not(self::code) and string-length(normalize-space(.)) < 20]"
LANGUAGE = re.compile(
    r"(?:^|\s)(?:language-|lang-|brush:\s?|highlight-source-|highlight-text-|highlight-|sourceCode\s|code-|prism-|"
    r"hljs\s+(?:language-)?)([A-Za-z][A-Za-z0-9+#-]{0,20})(?=[\s;]|$)"
)
NO_LANGUAGE = frozenset(
    {
        "default",
        "none",
        "plain",
        "plaintext",
        "text",
        "notranslate",
        "block",
        "wrapper",
        "toolbar",
        "source",
        "code",
    }
    | {
        "nohighlight",
        "no-highlight",
        "highlight",
        "undefined",
        "auto",
        "container",
        "box",
        "content",
        "snippet",
        "toggle",
    }
)
HINT = re.compile(
    r"highlight|language-|lang-|brush|prettyprint|sourcecode|\bcode|hljs|codehilite|prism|shiki|w3-code|crayon|enlighter",
    re.IGNORECASE,
)
SIGNS = re.compile(r"[{}()\[\];=<>_$#\\|&*/]")
NUMBERED = re.compile(r"^[ \t]*(\d+)[.:|]?(?=[ \t]|$)")
COPY = re.compile(r"cop(?:y|ied)\b.{0,20}", re.IGNORECASE)


def tidy(tree: Any) -> None:
    """Undo what highlighters did. Changes the tree."""
    for button in list(tree.iter("button")):
        if COPY.fullmatch(" ".join(words_in(button).split())):
            remove(button)
    for frame in tree.xpath(FRAMES):
        if frame.getparent() is None or frame.xpath("ancestor::pre"):
            continue
        language = language_of(frame)
        _become_code(frame, language)
    for pre in tree.iter("pre"):
        if pre.get("data-language") is None and len(pre):
            _become_code(pre, language_of(pre))
        elif pre.get("data-language") is None and (language := language_of(pre)):
            pre.set("data-language", language)
    for holder in tree.xpath(
        "//div[contains(@class,'w3-code') or contains(@class,'code-block')][not(.//pre)]"
    ):
        if holder.getparent() is not None and looks_like_code(text := _text(holder)):
            _replace_by_code(holder, text, language_of(holder))
    for block in tree.xpath("//code[br or contains(., '\n')][not(ancestor::pre)]"):
        text = _text(block)
        if block.getparent() is not None and text.count("\n") > 1 and looks_like_code(text):
            _replace_by_code(block, text, language_of(block))


def language_of(element: Any) -> str:
    """The language that the names on an element, inside it or close around it state; "" when none does."""
    around = [element, *_above(element, 3)]
    inside = [one for one in element.iter("code", "pre") if one is not element][:2]
    for one in [*inside, *around]:
        for stated in (
            one.get("data-language"),
            one.get("data-lang"),
            one.get("lang") if one.tag == "pre" else None,
        ):
            if (
                stated
                and re.fullmatch(r"[A-Za-z][A-Za-z0-9+#-]{0,20}", stated)
                and stated.lower() not in NO_LANGUAGE
            ):
                return str(stated).lower()
        for found in LANGUAGE.finditer(one.get("class") or ""):
            if found[1].lower() not in NO_LANGUAGE:
                return found[1].lower()
    return ""


def fenced(pre: Any) -> str:
    """A `<pre>` as a fenced block, or "" when what it holds is prose or nothing."""
    text = without_numbers(
        words_in(pre).replace("\r\n", "\n").expandtabs(4) if len(pre) else (pre.text or "")
    )
    text = "\n".join(line.rstrip() for line in text.replace("\r\n", "\n").strip("\n").split("\n"))
    if not text.strip():
        return ""
    language = pre.get("data-language")
    if not (language is not None or _is_marked(pre) or looks_like_code(text)):
        return ""
    fence = "````" if "```" in text else "```"
    return f"{fence}{language or ''}\n{text}\n{fence}"


def looks_like_code(text: str) -> bool:
    """Signs of code without any markup that says so: many brackets, or lines that are mostly indented."""
    lines = [line for line in text.split("\n") if line.strip()]
    signs = len(SIGNS.findall(text))
    indented = sum(line.startswith(("  ", "\t")) for line in lines)
    long = sum(len(line) > 60 for line in lines)
    return signs > len(text) * 0.05 or (indented * 3 > len(lines) and long * 2 < len(lines))


def without_numbers(text: str) -> str:
    """The code without a column of line numbers that goes up by one from line to line."""
    lines = text.strip("\n").split("\n")
    found = [NUMBERED.match(line) for line in lines]
    if len(lines) < 3 or not all(found):
        return text
    numbers = [int(one[1]) for one in found if one]
    if any(after - before != 1 for before, after in itertools.pairwise(numbers)):
        return text
    return "\n".join(
        line[one.end() :].removeprefix(" ") for line, one in zip(lines, found, strict=True) if one
    )


def _become_code(element: Any, language: str) -> None:
    """Make of a highlighter's frame one `<pre>` of bare text, without line numbers and buttons."""
    marked = _is_marked(element) or element.tag != "pre"
    for number in element.xpath(NUMBERS):
        if number.getparent() is None or number is element or number.tag in ("pre", "code", "table"):
            continue
        if re.fullmatch(r"[\s\d.:|]*", words_in(number)):
            remove(number)
    for button in element.xpath(BUTTONS):
        if button.getparent() is not None and button is not element:
            remove(button)
    text = _text(element)
    if element.tag == "pre" and not (marked or language or looks_like_code(text)):
        return
    _replace_by_code(element, text, language)


def _replace_by_code(element: Any, text: str, language: str) -> None:
    tail = element.tail
    names = element.get("class")
    element.clear()
    element.tag, element.text, element.tail = "pre", without_numbers(text.strip("\n")), tail
    if names:
        element.set("class", names)
    element.set("data-language", language)


def _text(element: Any) -> str:
    """The text with a line end for each `<br>`, table row and highlighter's line that does not have its own."""
    for one in element.iter("br", "div", "tr", "li", "p", "span", "code"):
        if one is element:
            continue
        names = (one.get("class") or "").lower().split()
        line = one.tag in ("div", "tr", "li", "p") or LINES.intersection(names)
        if one.tag == "br" or (line and not _ends_line(one)):
            one.tail = "\n" + (one.tail or "")
    return words_in(element).replace("\r\n", "\n").replace("\u200b", "").replace("\u00a0", " ")


def _ends_line(element: Any) -> bool:
    """Whether what an element holds, or what follows it, already ends the line."""
    after = element.tail or ""
    if after.lstrip(" \t").startswith("\n"):
        return True
    last = element
    while len(last) and not (last[-1].tail or ""):
        last = last[-1]
        if last.tag == "br":
            return True
    words = (last[-1].tail if len(last) else last.text) or ""
    return str(words).endswith("\n")


def _is_marked(pre: Any) -> bool:
    hints = " ".join(one.get("class") or "" for one in [pre, *_above(pre, 2)])
    return pre.find(".//code") is not None or bool(HINT.search(hints))


def _above(element: Any, steps: int) -> list[Any]:
    found: list[Any] = []
    above = element.getparent()
    while above is not None and len(found) < steps and above.tag in ("div", "figure", "pre", "td"):
        found.append(above)
        above = above.getparent()
    return found
