"""HTML to Markdown: trafilatura for the main text, resiliparse where that comes back empty or far too short.

Before it: formulas become TeX between dollars (from MathJax scripts, KaTeX, Wikipedia's pictures; trafilatura reads
MathML annotations itself), and code in `<pre>` is put aside and set back as it stood, since extractors lose its
blank lines and its language.

Measured on the development split of WCXB (385 pages, word F1): trafilatura alone .756, this .771.
"""

from __future__ import annotations

import re
from typing import Any

from curation.recipe.ingest.extractors.decode import decode, mend
from curation.recipe.ingest.found import ADDRESS, TITLE, shorten, storable

SHORT = 200  # characters below which a second opinion is asked
SHARE = 0.4  # of the second opinion's length, below which the first is taken to have lost the text

CODE_HINT = re.compile(
    r"highlight|language-|lang-|brush|prettyprint|sourcecode|\bcode\b|hljs|codehilite", re.IGNORECASE
)
CODE_LANGUAGE = re.compile(
    r"\b(?:language-|lang-|brush: ?|highlight-source-|highlight-)([A-Za-z0-9+#]{1,20})"
)
CODE_SIGNS = re.compile(r"[{}()\[\];=<>_$#\\|&*/]")
PUT_ASIDE = "CODEBLOCKPUTASIDE{}X"
SET_BACK = re.compile(
    r"(?:^[ \t]*```[^\n]*\n)?^([ \t>*+-]*)`?(CODEBLOCKPUTASIDE(\d+)X)`?[ \t]*$(?:\n[ \t]*```[ \t]*$)?",
    re.MULTILINE,
)
FRAME = 60  # characters around code that are its frame: "Copy", a language's name
INSIDE = re.compile(r"`?CODEBLOCKPUTASIDE(\d+)X`?")


def html(content: bytes, address: str) -> dict[str, object]:
    """Raises ValueError when nothing of it can be parsed."""
    page, notes = decode(content, html=True)
    tree = _parsed(page)
    if tree is None:
        return {"text": "", "notes": notes}
    found = {
        "title": title_of(tree),
        "address": storable(canonical_of(tree)) or address,
        "language": storable(tree.get("lang") or "")[:8],
    }
    lowered = page.lower()
    if any(sign in lowered for sign in ("math", "katex", "latex")):
        _formulas(tree)
    blocks = _put_aside(tree) if "<pre" in lowered else []
    text, by = _main_text(tree, address)
    text, mended = mend(_set_back(text, blocks))
    return found | {"text": tidy(text), "notes": notes | mended | {"by": by}}


def _parsed(page: str) -> Any:
    from lxml import etree
    from lxml import html as lxml_html

    parser = lxml_html.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, huge_tree=True)
    try:
        return lxml_html.document_fromstring(page.encode("utf-8", "replace"), parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError):
        return None


def _main_text(tree: Any, address: str) -> tuple[str, str]:
    """The main text and who found it."""
    from lxml import etree
    from resiliparse.extract.html2text import extract_plain_text
    from trafilatura import extract as trafilatura_extract

    markup = etree.tostring(tree, encoding="unicode", method="html")
    first = (
        trafilatura_extract(
            tree,
            url=address or None,
            output_format="markdown",
            include_formatting=True,
            include_tables=True,
            include_comments=True,
        )
        or ""
    )
    second = extract_plain_text(markup, main_content=True, preserve_formatting=True) or ""
    if len(first) < SHORT and len(second) < SHORT:
        # Neither finds a main text: a page so small has little besides it.
        whole = extract_plain_text(markup, main_content=False, preserve_formatting=True) or ""
        if len(whole) < 5 * SHORT and len(whole) > 2 * max(len(first), len(second)):
            return whole, "resiliparse, whole page"
    if (len(first) < SHORT and len(second) > len(first)) or len(first) < SHARE * len(second):
        return second, "resiliparse"
    return first, "trafilatura"


def title_of(tree: Any) -> str:
    """The one main heading where the page's title contains it, else what it shares, else its title."""
    titles = [" ".join((element.text_content() or "").split()) for element in tree.iterfind(".//head/title")]
    shared = [element.get("content") or "" for element in tree.iterfind(".//meta[@property='og:title']")]
    headings = [" ".join(element.text_content().split()) for element in tree.iterfind(".//h1")]
    title = next(filter(None, titles), "")
    if len(headings) == 1 and headings[0] and headings[0].casefold() in title.casefold():
        return shorten(headings[0], TITLE)
    return shorten(next(filter(None, [*shared, title, *headings]), ""), TITLE)


def canonical_of(tree: Any) -> str:
    """The address the page gives itself, if it is a web address."""
    stated = [element.get("href") or "" for element in tree.iterfind(".//link[@rel='canonical']")]
    stated += [element.get("content") or "" for element in tree.iterfind(".//meta[@property='og:url']")]
    return next(
        (
            link.strip()
            for link in stated
            if re.match(r"https?://[^\s]+$", link.strip()) and len(link) < ADDRESS
        ),
        "",
    )


def _replace(element: Any, text: str) -> None:
    """Put text in an element's place; what follows the element stays."""
    parent = element.getparent()
    if parent is None:
        return
    words = text + (element.tail or "")
    before = element.getprevious()
    if before is not None:
        before.tail = (before.tail or "") + words
    else:
        parent.text = (parent.text or "") + words
    parent.remove(element)


def _formulas(tree: Any) -> None:
    for script in tree.xpath("//script[starts-with(@type, 'math/tex')]"):
        sign = "$$" if "display" in script.get("type", "") else "$"
        for rendered in script.xpath("preceding-sibling::*[contains(@class, 'MathJax')]"):
            # What MathJax drew right before its source, twice at most: a preview and the formula.
            if rendered.getparent() is not None:
                rendered.drop_tree()
        _replace(script, f" {sign}{(script.text or '').strip()}{sign} ")
    for katex in tree.xpath("//span[contains(concat(' ', @class, ' '), ' katex ')]"):
        source = katex.xpath(".//annotation[@encoding='application/x-tex']")
        if source and source[0].text and katex.getparent() is not None:
            display = "katex-display" in (katex.getparent().get("class") or "")
            sign = "$$" if display else "$"
            _replace(katex, f"{sign}{source[0].text.strip()}{sign}")
    for container in tree.xpath("//mjx-container"):
        source = container.xpath(".//annotation[@encoding='application/x-tex']")
        if source and source[0].text:
            sign = "$$" if container.get("display") == "true" else "$"
            _replace(container, f"{sign}{source[0].text.strip()}{sign}")
    for picture in tree.xpath("//img[contains(@class, 'tex') or contains(@class, 'math')][@alt]"):
        nearby = picture.getparent()
        if nearby is not None and nearby.xpath(".//math | ../*//math"):
            picture.drop_tree()  # Wikipedia gives the formula as MathML beside its picture
        elif tex := (picture.get("alt") or "").strip():
            _replace(
                picture, f" ${tex.removeprefix('{').removesuffix('}') if tex.startswith('{') else tex}$ "
            )


def _put_aside(tree: Any) -> list[tuple[str, str]]:
    """Replace code in `<pre>` by tokens in the tree. Returns (language, code) in their order."""
    blocks: list[tuple[str, str]] = []
    for pre in tree.xpath("//pre[not(ancestor::pre)]"):
        for line_break in pre.iter("br"):
            line_break.tail = "\n" + (line_break.tail or "")
        code = pre.text_content().replace("\r\n", "\n").strip("\n")
        around = [pre, *pre.iterancestors("div")][:3]
        hints = " ".join(element.get("class") or "" for element in [*around, *pre.iter("code")])
        marked = pre.find(".//code") is not None or bool(CODE_HINT.search(hints))
        if not code.strip() or not (marked or looks_like_code(code)):
            continue
        language = CODE_LANGUAGE.search(hints)
        tail = pre.tail
        blocks.append((language[1].lower() if language else "", code))
        for wrapper in around[1:]:
            # A highlighter's frame, such as `code-toolbar`, is furniture by its class; the code would go with it.
            if len(wrapper.text_content().strip()) < len(pre.text_content()) + FRAME:
                wrapper.attrib.pop("class", None)
        pre.clear()
        pre.tag, pre.text, pre.tail = "p", PUT_ASIDE.format(len(blocks) - 1), tail
    return blocks


def looks_like_code(text: str) -> bool:
    """Signs of code without any markup that says so: many brackets, or lines that are mostly indented."""
    lines = [line for line in text.split("\n") if line.strip()]
    signs = len(CODE_SIGNS.findall(text))
    indented = sum(line.startswith(("  ", "\t")) for line in lines)
    long = sum(len(line) > 60 for line in lines)
    return signs > len(text) * 0.05 or (indented * 3 > len(lines) and long * 2 < len(lines))


def _set_back(text: str, blocks: list[tuple[str, str]]) -> str:
    def fenced(number: str) -> str:
        language, code = blocks[int(number)]
        fence = "````" if "```" in code else "```"
        return f"{fence}{language}\n{code}\n{fence}"

    def alone(found: re.Match[str]) -> str:
        marker = found[1].strip()
        return (f"{marker}\n" if marker else "") + "\n" + fenced(found[3]) + "\n"

    def inside(found: re.Match[str]) -> str:
        code = blocks[int(found[1])][1]
        return f"`{code}`" if "\n" not in code and "`" not in code else "\n\n" + fenced(found[1]) + "\n\n"

    if not blocks:
        return text
    return INSIDE.sub(inside, SET_BACK.sub(alone, text))


def tidy(text: str) -> str:
    """No trailing white space, never more than one empty line, except in fenced code, which stays as it is."""
    out: list[str] = []
    fence = ""
    for line in text.split("\n"):
        start = line.lstrip()[:4].rstrip()
        if not fence and start.startswith("```"):
            fence = "````" if start.startswith("````") else "```"
            out.append(line.rstrip())
        elif fence:
            out.append(line)
            fence = "" if line.strip() == fence else fence
        elif line.strip() or (out and out[-1]):
            out.append(line.rstrip())
    return "\n".join(out).strip("\n")
