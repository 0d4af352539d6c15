"""Text from outside becomes HTML that nobody can be harmed by."""

from __future__ import annotations

import re

import pytest
from django.template import Context, Template

from curation.web.render import RENDER_LIMIT, render_text

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "<iframe src=javascript:alert(1)></iframe>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "[x](vbscript:msgbox)",
    "![x](https://tracker.example/pixel.png)",
    "<javascript:alert(1)>",
    "[a]: javascript:alert(1)\n\n[a]",
    r"$\text{<script>alert(1)</script>}$",
    r"$\text{<img src=x onerror=alert(1)>}$",
    r"$\href{javascript:alert(1)}{x}$",
    r"$\style{background:url(//evil.example)}{x}$",
    "$$\n\\text{</math><script>alert(1)</script>}\n$$",
    r"$\mathrm{</mi><svg onload=alert(1)>}$",
    '```"><script>alert(1)</script>\ncode\n```',
    "```python onmouseover=alert(1)\n<b onclick=alert(1)>\n```",
    "`<script>alert(1)</script>`",
    '<a href="https://fine.example" onclick="alert(1)">x</a>',
    "<style>body{display:none}</style>",
    "<form action=/sign-out method=post><button>x</button></form>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "| <script>alert(1)</script> |\n|---|\n| <img onerror=alert(1) src=x> |",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    "\x00<script>alert(1)</script>",
]
ALLOWED = re.compile(
    r"</?(p|br|hr|h[1-6]|ul|ol|li|blockquote|strong|em|s|a|code|pre|span|table|thead|tbody|tr|th|td|div|math|m[a-z]+|none)\b"
)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_brings_no_tag_attribute_or_address_of_its_own(text: str) -> None:
    html = render_text(text)
    for tag in re.findall(r"<[^>]*>", html):
        assert ALLOWED.match(tag), tag
        assert not re.search(r"\son\w+\s*=|\bstyle\s*=|\bsrc\s*=|javascript:|vbscript:|data:", tag, re.I), tag


def test_links_lead_out_only_and_say_nothing_of_us() -> None:
    assert 'rel="noopener noreferrer nofollow"' in render_text("[x](https://example.org)")
    assert "<a" not in render_text("[x](/sign-out) [y](//evil.example) [z](#main)")


def test_pictures_are_words() -> None:
    html = render_text("![a curve](https://tracker.example/pixel.png)")
    assert "[picture: a curve]" in html
    assert "<img" not in html and "tracker" not in html


@pytest.mark.parametrize("text", ["$x^2$", r"\(x^2\)", "$$x^2$$", r"\[x^2\]", "$$\nx^2\n$$", "\\[\nx^2\n\\]"])
def test_formulas_become_mathml(text: str) -> None:
    assert "<msup><mi>x</mi><mn>2</mn></msup>" in render_text(text)


def test_lines_of_a_formula_are_no_list() -> None:
    html = render_text("$$\na\n- b\n+ c\n$$")
    assert "<ul>" not in html and "<mo>−</mo>" in html


def test_aligned_equations_are_tables_without_ampersands() -> None:
    html = render_text("\\begin{align*}\na &= b \\\\\nc &= d\n\\end{align*}")
    assert html.count("<mtr>") == 2 and "&amp;" not in html


@pytest.mark.parametrize("text", ["It costs $5 and $10.", "a $ b $ c", "from $20 to $30", "US$ and A$"])
def test_prices_are_no_formulas(text: str) -> None:
    assert "<math" not in render_text(text)


def test_code_is_coloured_and_a_dollar_in_it_is_a_dollar() -> None:
    html = render_text("```python\ndef f(x):\n    return x\n```\n\n`$x$`")
    assert '<span class="k">def</span>' in html
    assert "<code>$x$</code>" in html


def test_a_formula_that_cannot_be_read_is_shown_as_it_is() -> None:
    assert r"\frac{{{" in render_text(r"$\frac{{{$")


def test_nothing_of_the_text_is_lost_where_it_is_too_long_to_render() -> None:
    html = render_text("<b>" + "x" * RENDER_LIMIT)
    assert html.startswith('<div class="plain-text">&lt;b&gt;x') and html.count("x") >= RENDER_LIMIT


@pytest.mark.parametrize(
    "text", ["[" * 20_000, "*a " * 20_000, ">" * 3_000 + "end", "\\(" * 20_000, "$a " * 20_000]
)
def test_patterns_made_to_hurt_are_rendered_all_the_same(text: str) -> None:
    assert render_text(text)


def test_an_unset_text_is_empty() -> None:
    assert Template("{% load studio %}{{ text|render_text }}").render(Context({"text": None})) == ""


def test_a_difference_is_escaped() -> None:
    html = Template("{% load studio %}{% diff old new %}").render(
        Context({"old": "<b>a</b>", "new": "<script>x</script>"})
    )
    assert "<script>" not in html and "<b>" not in html
    assert "<ins>" in html and "<del>" in html
