"""JATS, the XML of PubMed Central and most journals, to Markdown: nothing of an article's body is passed over.

Sections, formulas (MathML as TeX; one that is only a picture keeps its name in its place), tables, captions, lists, boxes,
reference markers and the list of references all come out; an element that is not known is read for what stands in it. What is
about the article and not in it (authors' addresses, funding, keywords) is cut by name, and the rest of it noted.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from curation.recipe.ingest.extractors.decode import mend
from curation.recipe.ingest.extractors.licence import licence
from curation.recipe.ingest.extractors.markup import attribute, children, first, local, words_of, xml_tree
from curation.recipe.ingest.extractors.mathml import tex_of
from curation.recipe.ingest.extractors.raised import lowered, raised
from curation.recipe.ingest.extractors.tables import Cell, pipe_table
from curation.recipe.ingest.found import ADDRESS, TITLE, Unreadable, shorten

#: Elements that stand between paragraphs, also where they are written inside one.
BETWEEN_PARAGRAPHS = (
    "sec p disp-formula disp-formula-group fig fig-group table-wrap table-wrap-group list def-list disp-quote boxed-text "
    "verse-group code preformat supplementary-material statement speech ack app app-group glossary fn-group notes ref-list "
    "bio table array graphic media chem-struct-wrap abstract body back"
)
BLOCKS = frozenset(BETWEEN_PARAGRAPHS.split())
PASSED_OVER = frozenset(
    ("object-id", "processing-meta", "alt-text", "long-desc", "permissions", "col", "colgroup")
)
MARKS = {"italic": "*", "bold": "**", "monospace": "`"}
LEVELS = 6


@dataclass(slots=True)
class Written:
    """The Markdown so far, and what was met on the way."""

    blocks: list[str] = field(default_factory=list)
    pictured: int = 0  # formulas that are given as pictures only

    def add(self, *texts: str) -> None:
        self.blocks += [text for text in texts if text.strip()]


def jats(content: bytes, address: str) -> dict[str, object]:
    """Raises Unreadable for XML that is damaged or unsafe, or holds no article."""
    root = xml_tree(content)
    article = root if local(root) == "article" else first(root, "article")
    if article is None:
        raise Unreadable("not_text", f"Its XML is no article: it starts with <{local(root)}>.")
    out = Written()
    front = next(iter(children(article, "front")), article)
    title = words_of(first(front, "article-title"))
    out.add(f"# {inline(first(front, 'article-title'), out)}" if title else "")
    for abstract in [part for part in front.iter() if local(part) == "abstract"]:
        heading = next(iter(children(abstract, "title")), None)
        out.add(f"## {inline(heading, out) if heading is not None else 'Abstract'}")
        _inside(abstract, 2, out, skip=heading)
    for part in children(article, "body", "back", "floats-group", "floats-wrap"):
        _inside(part, 1, out)
    for part in children(article, "sub-article", "response"):
        _sub_article(part, out)
    text, mended = mend("\n\n".join(out.blocks))
    notes: dict[str, object] = {"by": "jats", **mended, **about(front, article), "cut": cut(front)}
    if out.pictured:
        notes["formulas_as_pictures"] = out.pictured
    return {
        "text": text,
        "title": shorten(title, TITLE),
        "address": _doi(front)[:ADDRESS] or address,
        "language": attribute(article, "lang")[:8],
        "notes": {name: value for name, value in notes.items() if value},
    }


def _sub_article(part: Any, out: Written) -> None:
    """A decision letter, an answer or a translation that is published with the article."""
    stub = next(iter(children(part, "front-stub", "front")), None)
    heading = first(stub, "article-title") if stub is not None else None
    out.add(f"## {inline(heading, out)}" if heading is not None else "")
    for inner in children(part, "body", "back"):
        _inside(inner, 2, out)


# What is said about the article


def about(front: Any, article: Any) -> dict[str, object]:
    """Author, date, journal and licence, each only where it is stated."""
    journal = first(front, "journal-title")
    permissions = first(front, "permissions", "license")
    return {
        "author": _authors(front),
        "date": _date(front),
        "journal": words_of(journal),
        "kind": article.get("article-type", ""),
        "licence": licence(*_licence(permissions)) if permissions is not None else None,
    }


def _authors(front: Any) -> str:
    names = []
    for person in front.iter():
        if local(person) != "contrib" or person.get("contrib-type", "author") != "author":
            continue
        name = first(person, "name", "string-name")
        if name is None:
            names.append(words_of(first(person, "collab")))
        else:
            names.append(
                " ".join(
                    filter(
                        None, (words_of(first(name, part)) for part in ("given-names", "surname", "suffix"))
                    )
                )
            )
    return ", ".join(filter(None, names))


def _date(front: Any) -> str:
    """The earliest date of publication, as precisely as it is stated: `2012-03-07`, `2012-03`, `2012`."""
    dates = []
    for stated in front.iter():
        if local(stated) == "pub-date":
            parts = [words_of(first(stated, part)) for part in ("year", "month", "day")]
            digits = [part.zfill(2) if part.isdigit() else "" for part in parts]
            if digits[0]:
                dates.append("-".join(digits[: digits.index("") if "" in digits else 3]))
    return min(dates, default="")


def _licence(permissions: Any) -> tuple[str, str]:
    """The address that the licence names, and its words."""
    stated = first(permissions, "license")
    holder = permissions if stated is None else stated
    links = [attribute(element, "href") for element in holder.iter() if attribute(element, "href")]
    links += [words_of(element) for element in holder.iter() if local(element) == "license_ref"]
    link = next((link for link in links if "licenses/" in link or "publicdomain/" in link), "")
    return link or next(iter(links), ""), words_of(holder)


def _doi(front: Any) -> str:
    for stated in front.iter():
        if local(stated) == "article-id" and stated.get("pub-id-type") == "doi" and words_of(stated):
            return f"https://doi.org/{words_of(stated)}"
    return ""


def cut(front: Any) -> list[dict[str, object]]:
    """What stands before the article and is not part of its text, by kind."""
    kinds = {
        "addresses of authors": ("aff",),
        "notes on authors": ("author-notes",),
        "funding": ("funding-group",),
        "subjects and keywords": ("article-categories", "kwd-group"),
        "history of publication": ("history",),
    }
    found: list[dict[str, object]] = []
    for reason, names in kinds.items():
        words = " ".join(filter(None, (words_of(part) for part in front.iter() if local(part) in names)))
        if words:
            found.append({"reason": reason, "excerpt": shorten(words), "characters": len(words)})
    return found


# Blocks


def _inside(holder: Any, level: int, out: Written, skip: Any | None = None) -> None:
    """What stands in an element, block by block; words between blocks become paragraphs of their own."""
    loose = _words(holder.text)
    for element in holder:
        if element is skip or not local(element) or local(element) in PASSED_OVER:
            pass
        elif _is_block(element):
            out.add(_one_line(loose))
            loose = ""
            _block(element, level, out)
        else:
            loose += inline_of(element, out)
        loose += _words(element.tail)
    out.add(_one_line(loose))


def _is_block(element: Any) -> bool:
    return local(element) in BLOCKS or local(element) in WRITERS


def _block(element: Any, level: int, out: Written) -> None:
    writer = WRITERS.get(local(element))
    if writer:
        writer(element, level, out)
    else:
        _section(element, level, out)


def _section(section: Any, level: int, out: Written) -> None:
    """A section, or anything built like one: its title as a heading, then what it holds."""
    heading = next(iter(children(section, "title")), None)
    label = next(iter(children(section, "label")), None)
    if heading is not None and words_of(heading):
        words = " ".join(filter(None, (words_of(label), inline(heading, out))))
        out.add(f"{'#' * min(level + 1, LEVELS)} {words}")
        level += 1
    elif local(section) in NAMED:
        out.add(f"{'#' * min(level + 1, LEVELS)} {NAMED[local(section)]}")
        level += 1
    for part in (heading, label):
        if part is not None:
            _emptied(part)
    _inside(section, level, out)


PEOPLE = ("name", "string-name", "collab", "etal")
NAMED = {"ack": "Acknowledgements", "ref-list": "References", "glossary": "Glossary"}


def _emptied(element: Any) -> None:
    """Take out what has been written already; what follows it stays."""
    element.text = None
    for inner in list(element):
        element.remove(inner)


def _paragraph(paragraph: Any, level: int, out: Written) -> None:
    if not any(local(inner) in BLOCKS for inner in paragraph.iterdescendants()):
        out.add(inline(paragraph, out))
    else:
        _inside(paragraph, level, out)


def _float(element: Any, level: int, out: Written) -> None:
    """A figure, a table or a supplement: its label and caption, then what it holds."""
    label = words_of(next(iter(children(element, "label")), None))
    caption = next(iter(children(element, "caption")), None)
    parts: list[str] = []
    if caption is not None:
        inner = Written()
        _inside(caption, LEVELS, inner)
        out.pictured += inner.pictured
        parts = [re.sub(r"^#+ ", "", block) for block in inner.blocks]
    name = f"**{label}**" if label else ""
    out.add(" ".join(filter(None, [name, *parts[:1]])), *parts[1:])
    for held in element:
        if local(held) in ("", "label", "caption") or local(held) in PASSED_OVER:
            continue
        if _is_block(held):
            _block(held, level, out)
        else:
            out.add(inline(held, out))


def _alternatives(element: Any, level: int, out: Written) -> None:
    """The same thing in several forms: a table or formula that can be read goes before its picture."""
    for names in (("table",), ("tex-math",), ("math",)):
        for form in children(element, *names):
            _block(form, level, out)
            return
    for form in list(element)[:1]:
        _block(form, level, out)


def _table(table: Any, level: int, out: Written) -> None:
    head: list[list[Cell]] = []
    body: list[list[Cell]] = []
    for line in table.iter():
        if local(line) == "tr":
            parent = local(line.getparent())
            (head if parent == "thead" else body).append(
                [_cell(cell, out) for cell in children(line, "td", "th")]
            )
    out.add(pipe_table(head, body))


def _cell(cell: Any, out: Written) -> Cell:
    return Cell(inline(cell, out), _span(cell, "colspan"), _span(cell, "rowspan"))


def _span(cell: Any, name: str) -> int:
    stated = cell.get(name, "1")
    return int(stated) if stated.isascii() and stated.isdigit() and len(stated) < 5 else 1


def _formula(element: Any, level: int, out: Written) -> None:
    words, label = _formula_words(element, out), words_of(next(iter(children(element, "label")), None))
    shown = f"$${words}$$" if not words.startswith("[") else words
    out.add(" ".join(filter(None, [shown, label])))


def _formula_words(element: Any, out: Written) -> str:
    """A formula's TeX, without dollars; where there is only a picture, `[formula NAME]`."""
    written = first(element, "tex-math")
    if written is not None:
        return tex_source(words_of(written))
    mathematics = first(element, "math")
    if mathematics is not None and (words := tex_of(mathematics)):
        return words
    picture = first(element, "inline-graphic", "graphic")
    if picture is not None:
        out.pictured += 1
        return f"[formula {attribute(picture, 'href').rpartition('/')[2] or attribute(picture, 'id')}]"
    return _one_line(
        "".join(inline_of(inner, out) for inner in element if local(inner) != "label") or _words(element.text)
    )


def tex_source(words: str) -> str:
    """The formula inside a whole TeX document, as publishers wrap each one; other TeX without its dollars."""
    found = re.search(r"\\begin\{document\}(.*)\\end\{document\}", words, re.DOTALL)
    return (found[1] if found else words).strip().strip("$").strip()


def _list(element: Any, level: int, out: Written) -> None:
    ordered = element.get("list-type", "") in (
        "order",
        "alpha-lower",
        "alpha-upper",
        "roman-lower",
        "roman-upper",
    )
    lines: list[str] = []
    for number, entry in enumerate(children(element, "list-item"), start=1):
        inner = Written()
        label = next(iter(children(entry, "label")), None)
        if label is not None:
            mark = f"{number}." if re.fullmatch(r"\W*\w{1,4}\W*", words_of(label)) else "-"
            _emptied(label)
        else:
            mark = f"{number}." if ordered else "-"
        _inside(entry, level, inner)
        out.pictured += inner.pictured
        body = "\n\n".join(inner.blocks).replace("\n", "\n" + " " * (len(mark) + 1))
        lines.append(f"{mark} {body}")
    out.add("\n".join(lines))


def _definitions(element: Any, level: int, out: Written) -> None:
    for entry in children(element, "def-item"):
        term = " ".join(inline(part, out) for part in children(entry, "term"))
        meaning = " ".join(inline(part, out) for part in children(entry, "def"))
        out.add(f"- **{term}**: {meaning}")


def _quote(element: Any, level: int, out: Written) -> None:
    inner = Written()
    _inside(element, level, inner)
    out.pictured += inner.pictured
    out.add("\n>\n".join("> " + block.replace("\n", "\n> ") for block in inner.blocks))


def _code(element: Any, level: int, out: Written) -> None:
    code = "".join(element.itertext()).strip("\n")
    fence = "````" if "```" in code else "```"
    out.add(f"{fence}{element.get('language', '').lower()}\n{code}\n{fence}")


def _picture(element: Any, level: int, out: Written) -> None:
    """A picture has no words; where it stands for a table or a paragraph, its name keeps the place."""
    if local(element.getparent()) in ("table-wrap", "p", "sec", "alternatives") and attribute(
        element, "href"
    ):
        out.add(f"[picture {attribute(element, 'href').rpartition('/')[2]}]")


def _references(element: Any, level: int, out: Written) -> None:
    heading = next(iter(children(element, "title")), None)
    words = inline(heading, out) if heading is not None and words_of(heading) else "References"
    out.add(f"{'#' * min(level + 1, LEVELS)} {words}")
    for inner in element:
        if local(inner) == "ref":
            _reference(inner, out)
        elif local(inner) and inner is not heading:
            _block(inner, level + 1, out)


def _reference(reference: Any, out: Written) -> None:
    label = words_of(next(iter(children(reference, "label")), None)).strip(".[]() ")
    forms = [inner for inner in reference if local(inner) not in ("label", "")]
    if any(local(inner) == "citation-alternatives" for inner in forms):
        forms = [
            next(iter(inner)) if local(inner) == "citation-alternatives" and len(inner) else inner
            for inner in forms
        ]
    words = " ".join(filter(None, (_citation(inner, out) for inner in forms)))
    out.add(f"[{label}] {words}" if label else words)


def _citation(citation: Any, out: Written) -> str:
    """One work. `mixed-citation` brings its own punctuation; the parts of `element-citation` are given some."""
    if any((inner.tail or "").strip() for inner in citation) or (citation.text or "").strip():
        return inline(citation, out)
    people = [_person(person) for person in citation.iter() if local(person) in PEOPLE]
    parts = [", ".join(filter(None, people))]
    parts += [inline(inner, out) for inner in citation if local(inner) not in (*PEOPLE, "person-group", "")]
    return ". ".join(part.rstrip(".") for part in parts if part) + "."


def _person(person: Any) -> str:
    """`Darwin C`, as lists of references write a name."""
    if local(person) == "etal":
        return "et al."
    if local(person) == "collab":
        return words_of(person)
    return " ".join(
        filter(None, (words_of(first(person, part)) for part in ("surname", "given-names", "suffix")))
    )


WRITERS = {
    "p": _paragraph,
    "fig": _float,
    "table-wrap": _float,
    "supplementary-material": _float,
    "boxed-text": _section,
    "alternatives": _alternatives,
    "table": _table,
    "disp-formula": _formula,
    "math": _formula,
    "tex-math": _formula,
    "list": _list,
    "def-list": _definitions,
    "disp-quote": _quote,
    "verse-group": _quote,
    "code": _code,
    "preformat": _code,
    "graphic": _picture,
    "media": _picture,
    "ref-list": _references,
}


# Words in a line


def inline(element: Any, out: Written) -> str:
    """What an element says on one line, without white space around it."""
    return _one_line(
        _words(element.text) + "".join(inline_of(inner, out) + _words(inner.tail) for inner in element)
    )


def inline_of(element: Any, out: Written) -> str:
    """One element inside a line, with the white space that is its own."""
    name = local(element)
    if not name or name in PASSED_OVER:
        return ""
    if name in ("inline-formula", "math", "tex-math", "disp-formula"):
        words = _formula_words(element, out) if name != "math" else tex_of(element)
        return words if words.startswith("[") or not words else f"${words}$"
    if name == "name":
        return _person(element)
    if name in ("break", "hr"):
        return " "
    if name in ("inline-graphic", "graphic"):
        return f"[picture {attribute(element, 'href').rpartition('/')[2]}]"
    words = _words(element.text) + "".join(inline_of(inner, out) + _words(inner.tail) for inner in element)
    if name in MARKS:
        return _marked(words, MARKS[name])
    if name in ("sup", "sub"):
        return _shifted(element, words)
    if name == "ext-link" and (link := attribute(element, "href")) and not words.strip():
        return link
    return f" {words} " if name in BLOCKS else words


def _marked(words: str, mark: str) -> str:
    """Emphasis around words, with white space left outside; none around none, and none inside other emphasis."""
    bare = words.strip()
    if not bare or not any(letter.isalnum() for letter in bare) or bare.startswith("*") or "`" in bare:
        return words
    start = words[: len(words) - len(words.lstrip())]
    return f"{start}{mark}{bare}{mark}{words[len(words.rstrip()) :]}"


def _shifted(element: Any, words: str) -> str:
    """Raised and lowered text; markers of references are put in brackets, which is what raising them says."""
    if any(local(inner) == "xref" for inner in element):
        return words if words.strip().startswith("[") else f"[{words.strip()}]" if words.strip() else ""
    plain = words.replace("*", "") if first(element, "italic", "bold") is not None else words
    return raised(plain) if local(element) == "sup" else lowered(plain)


def _words(text: str | None) -> str:
    return re.sub(r"[ \t\r\n]+", " ", text or "")


def _one_line(text: str) -> str:
    return " ".join(text.split())
