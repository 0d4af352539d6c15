"""Text from outside, as HTML: Markdown, formulas as MathML, code in colour. The one door for hostile text.

Everything passes through one nh3 allow-list at the end, whatever made it: markdown-it escapes raw HTML, but
latex2mathml copies what stands in a formula into its output, tags included.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from urllib.parse import urlsplit

import nh3
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict
from pygments.token import STANDARD_TYPES

#: Characters. Longer texts are shown as they are: rendering them would hold up the page.
RENDER_LIMIT = 200_000
#: Characters of one formula.
FORMULA_LIMIT = 4_000

_DELIMITERS = (("$$", "$$", True), (r"\[", r"\]", True), (r"\(", r"\)", False), ("$", "$", False))
_ALIGNED = re.compile(r"\\(begin|end)\{(aligned|align\*?|split|gathered|gather\*?|eqnarray\*?|equation\*?)\}")

_PROSE_TAGS = {
    *(
        "p",
        "br",
        "hr",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "ul",
        "ol",
        "li",
        "blockquote",
        "strong",
        "em",
        "s",
    ),
    *("a", "code", "pre", "span", "table", "thead", "tbody", "tr", "th", "td"),
}
_MATH_TAGS = {
    *("math", "mrow", "mi", "mn", "mo", "ms", "mtext", "mspace", "mfrac", "msqrt", "mroot", "msub", "msup"),
    *("msubsup", "munder", "mover", "munderover", "mtable", "mtr", "mtd", "menclose", "mpadded", "mphantom"),
    *("mstyle", "mmultiscripts", "mprescripts", "none"),
}
_MATH_ATTRIBUTES = {
    *(
        "display",
        "mathvariant",
        "stretchy",
        "fence",
        "form",
        "separator",
        "lspace",
        "rspace",
        "width",
        "height",
    ),
    *(
        "depth",
        "voffset",
        "linethickness",
        "accent",
        "accentunder",
        "displaystyle",
        "scriptlevel",
        "columnalign",
    ),
    *(
        "rowspacing",
        "columnspacing",
        "columnlines",
        "rowlines",
        "minsize",
        "maxsize",
        "movablelimits",
        "notation",
    ),
    *("linebreak", "symmetric", "largeop"),
}
_ATTRIBUTES: dict[str, set[str]] = {
    "a": {"href", "title"},
    "ol": {"start"},
    **{tag: set(_MATH_ATTRIBUTES) for tag in _MATH_TAGS},
}
_CLASSES: dict[str, set[str]] = {
    "span": {name for name in STANDARD_TYPES.values() if name} | {"image-word", "math-source"},
    "pre": {"code"},
}


def render_text(text: str) -> SafeString:
    """Markdown with formulas and code as safe HTML. Never raises; what cannot be rendered is shown as it is."""
    if len(text) > RENDER_LIMIT:
        return as_it_is(text)
    try:
        return clean(_MARKDOWN.render(text))
    except RecursionError:  # nested deeper than Python goes: hostile, or broken
        return as_it_is(text)


def as_it_is(text: str) -> SafeString:
    """Plain text with its own line breaks."""
    return format_html('<div class="plain-text">{}</div>', text)


def clean(html: str) -> SafeString:
    """The one allow-list. What is not on it is removed, its text kept; scripts and styles go with theirs."""
    return mark_safe(  # noqa: S308  the one place: nh3 has just cleaned it
        nh3.clean(
            html,
            tags=_PROSE_TAGS | _MATH_TAGS,
            clean_content_tags={"script", "style"},
            attributes=_ATTRIBUTES,
            allowed_classes=_CLASSES,
            url_schemes={"http", "https", "mailto"},
            link_rel="noopener noreferrer nofollow",
            set_tag_attribute_values={"a": {"target": "_blank"}},
        )
    )


def formula(source: str, display: bool) -> str:
    """TeX as MathML, not yet sanitised; the source in a `code` where it cannot be read."""
    from latex2mathml.converter import convert

    if len(source) <= FORMULA_LIMIT:
        # latex2mathml raises many kinds, among them plain IndexError.
        with suppress(Exception):
            return convert(_ALIGNED.sub(_as_matrix, source), display="block" if display else "inline")
    return f'<code><span class="math-source">{escape(source)}</span></code>'


def _as_matrix(match: re.Match[str]) -> str:
    """latex2mathml knows matrices and not `aligned`; equations lose their frame altogether."""
    if match[2].startswith("equation"):
        return ""
    return r"\begin{array}{rl}" if match[1] == "begin" else r"\end{array}"


def _link_is_fine(url: str) -> bool:
    """Only absolute links: a relative one would lead into the studio."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https", "mailto") and bool(parts.netloc or parts.scheme == "mailto")


def _highlighted(code: str, language: str, _attributes: str) -> str:
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import get_lexer_by_name
    from pygments.util import ClassNotFound

    try:
        lexer = get_lexer_by_name(language, stripnl=False) if language else None
    except ClassNotFound:
        lexer = None
    body = highlight(code, lexer, HtmlFormatter(nowrap=True)) if lexer else escape(code)
    return f'<pre class="code"><code>{body}</code></pre>\n'


def _inline_math(state: StateInline, silent: bool) -> bool:
    for opening, closing, display in _DELIMITERS:
        if not state.src.startswith(opening, state.pos):
            continue
        start = state.pos + len(opening)
        end = state.src.find(closing, start, min(state.posMax, start + FORMULA_LIMIT))
        if end <= start or not state.src[start:end].strip():
            return False
        if closing == "$" and not _is_no_price(state.src, start, end):
            return False
        if not silent:
            token = state.push("math", "math", 0)
            token.content, token.meta = state.src[start:end], {"display": display}
        state.pos = end + len(closing)
        return True
    return False


def _is_no_price(text: str, start: int, end: int) -> bool:
    """Pandoc's rule: no space inside the dollars, no digit behind them."""
    behind = text[end + 1 : end + 2]
    return not (text[start].isspace() or text[end - 1].isspace() or behind.isdigit())


def _block_math(state: StateBlock, first: int, last: int, silent: bool) -> bool:
    """A formula on lines of its own: its lines must not be taken for lists or headings."""
    opening = state.src[state.bMarks[first] + state.tShift[first] : state.eMarks[first]]
    closing = {"$$": "$$", r"\[": r"\]"}.get(opening[:2])
    environment = re.match(r"\\begin\{(equation|align|gather|eqnarray)(\*?)\}", opening)
    if environment:
        closing = rf"\end{{{environment[1]}{environment[2]}}}"
    if closing is None or state.sCount[first] - state.blkIndent >= 4:
        return False
    lines: list[str] = []
    for number in range(first, last):
        line = state.src[state.bMarks[number] + state.tShift[number] : state.eMarks[number]].rstrip()
        inner = line[2:] if number == first and not environment else line
        if inner.endswith(closing):
            break
        if number > first and not line:
            return False
        lines.append(inner)
    else:
        return False
    if not silent:
        lines.append(inner if environment else inner.removesuffix(closing))
        token = state.push("math", "math", 0)
        token.content, token.meta, token.map = "\n".join(lines), {"display": True}, [first, number + 1]
        token.block = True
    state.line = number + 1
    return True


def _math_html(
    renderer: RendererHTML, tokens: Sequence[Token], at: int, options: OptionsDict, environment: EnvType
) -> str:
    return formula(tokens[at].content.strip(), tokens[at].meta["display"])


def _image_html(
    renderer: RendererHTML, tokens: Sequence[Token], at: int, options: OptionsDict, environment: EnvType
) -> str:
    """Pictures are never fetched from elsewhere: it would tell that server who reads what."""
    return f'<span class="image-word">[picture{": " if tokens[at].content else ""}{escape(tokens[at].content)}]</span>'


def _build() -> MarkdownIt:
    markdown = MarkdownIt(
        "commonmark", {"html": False, "breaks": True, "highlight": _highlighted, "maxNesting": 100}
    )
    markdown.enable(["table", "strikethrough"])
    markdown.inline.ruler.before("escape", "math", _inline_math)
    markdown.block.ruler.before("fence", "math", _block_math, {"alt": ["paragraph", "blockquote", "list"]})
    markdown.add_render_rule("math", _math_html)
    markdown.add_render_rule("image", _image_html)
    markdown.validateLink = _link_is_fine  # type: ignore[method-assign]
    return markdown


_MARKDOWN = _build()
