"""HTML to Markdown: what kind of page it is, threads, formulas, code, tables, what is cut, and pages made to break it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from curation.recipe.ingest.extract import Extracted, extract
from curation.recipe.ingest.extractors.html import choice

SENTENCE = "Water boils at one hundred degrees at sea level, and at less than that on high mountains. "
PROSE = f"<p>{SENTENCE * 3}</p>"
PAGE = """<!doctype html><html lang="en"><head><title>Boiling water · The Kitchen</title>{head}</head><body>
<nav><ul><li><a href="/">Home</a></li><li><a href="/all">All articles</a></li><li><a href="/about">About us</a></li></ul></nav>
<main><article><h1>Boiling water</h1>{prose}{body}{prose}</article></main>
<footer><p>Copyright 2024 The Kitchen. All rights reserved. <a href="/privacy">Privacy policy</a></p></footer></body></html>"""


def found(
    body: str, head: str = "", address: str = "https://kitchen.example/blog/boiling-water"
) -> Extracted:
    page = PAGE.format(head=head, body=body, prose=PROSE)
    one = extract(page.encode(), "text/html", address)
    assert isinstance(one, Extracted)
    return one


def whole(page: str, address: str = "") -> Extracted:
    one = extract(page.encode(), "text/html", address)
    assert isinstance(one, Extracted)
    return one


def test_headings_lists_links_and_emphasis_become_markdown() -> None:
    text = found(
        "<h2>What to <em>do</em></h2><p>Read <a href='/salt?a=1'>about salt</a> and <b>wait</b>, as the "
        "<a href='#top'>list above</a> says, until the water boils.</p>"
        "<ol><li>Fill the pot with water from the tap.</li><li>Put it on the stove and wait:"
        "<ul><li>with a lid it takes less time</li></ul></li></ol>"
    ).text
    assert "## What to *do*" in text
    assert "Read [about salt](https://kitchen.example/salt?a=1) and **wait**, as the list above says" in text
    assert (
        "1. Fill the pot with water from the tap.\n2. Put it on the stove and wait:\n  - with a lid" in text
    )


def test_the_notes_say_what_was_judged_and_what_was_cut() -> None:
    notes = found("").notes
    assert notes["page_type"] == "article" and 0 < notes["sure"] <= 1 and notes["why"]
    assert notes["by"] == "blocks" and 0 < notes["expected"] <= 1
    cut = {one["reason"]: one for one in notes["cut"]}
    assert cut["navigation"]["excerpt"].startswith("Home") and cut["navigation"]["characters"] > 10
    assert "Copyright" in cut["footer"]["excerpt"]


def test_what_was_cut_is_bounded() -> None:
    page = "".join(
        f"<nav><a href='/{at}'>Place {at}</a></nav><div class='share'><a href='#'>Share</a></div>"
        for at in range(500)
    )
    cut = found(page).notes["cut"]
    assert len(cut) <= choice.MOST_CUTS and cut[-1]["reason"].endswith("smaller pieces")
    assert all(len(one["excerpt"]) <= choice.EXCERPT for one in cut)


@pytest.mark.parametrize(
    ("markup", "tex"),
    [
        ("<math><mfrac><mi>a</mi><mrow><mi>b</mi><mo>+</mo><mn>1</mn></mrow></mfrac></math>", r"$\frac{a}{b+1}$"),
        ("<math><msup><mi>x</mi><mn>2</mn></msup><mo>≤</mo><msqrt><mi>α</mi></msqrt></math>", r"$x^2 \le \sqrt{\alpha}$"),
        (
            "<math display='block'><munderover><mo>∑</mo><mrow><mi>i</mi><mo>=</mo><mn>1</mn></mrow><mi>n</mi></munderover>"
            "<msub><mi>a</mi><mi>i</mi></msub></math>",
            r"$$\sum_{i=1}^n a_i$$",
        ),
        ('<script type="math/tex; mode=display">\\int_0^1 x\\,dx</script>', r"$$\int_0^1 x\,dx$$"),
        (
            '<mjx-container display="true"><svg></svg><mjx-assistive-mml><math><msup><mi>e</mi><mi>x</mi></msup></math>'
            "</mjx-assistive-mml></mjx-container>",
            "$$e^x$$",
        ),
        (
            '<span class="katex-display"><span class="katex"><span class="katex-mathml"><math><semantics><mi>x</mi>'
            '<annotation encoding="application/x-tex">E=mc^2</annotation></semantics></math></span>'
            '<span class="katex-html">E=mc2</span></span></span>',
            "$$E=mc^2$$",
        ),
        (
            '<span class="mwe-math-element"><span class="mwe-math-mathml-inline"><math alttext="{\\displaystyle E=mc^{2}}">'
            '<mi>E</mi></math></span><img class="mwe-math-fallback-image-inline" alt="{\\displaystyle E=mc^{2}}" src="x"></span>',
            "$E=mc^{2}$",
        ),
        ('<img src="https://s0.wp.com/latex.php?latex=x" alt="\\pi^2" class="latex">', r"$\pi^2$"),
        ('<math><mtable><mtr><mtd><mn>1</mn></mtd><mtd><mn>0</mn></mtd></mtr></mtable></math>', r"$\begin{matrix}1 & 0\end{matrix}$"),
    ],
)  # fmt: skip
def test_formulas_become_tex(markup: str, tex: str) -> None:
    text = found(f"<p>It has long been known that {markup} holds for every vessel on the stove.</p>").text
    assert tex in text and text.count("mc") in (0, 1)


PYGMENTS = (
    '<div class="highlight-python notranslate"><div class="highlight"><table class="highlighttable"><tr><td class="linenos">'
    '<div class="linenodiv"><pre><span class="normal">1</span>\n<span class="normal">2</span></pre></div></td><td class="code">'
    '<div><pre><span></span><span class="k">def</span> <span class="nf">boil</span>():\n    <span class="k">return</span> '
    "<span class='mi'>1</span>\n</pre></div></td></tr></table></div></div>"
)
HLJS = (
    '<pre><code class="hljs language-python"><table class="hljs-ln"><tbody><tr><td class="hljs-ln-numbers" data-line-number="1">'
    '</td><td class="hljs-ln-code"><span class="hljs-keyword">def</span> boil():</td></tr><tr><td class="hljs-ln-numbers" '
    'data-line-number="2"></td><td class="hljs-ln-code">    return 1</td></tr></tbody></table></code></pre>'
)
PRISM = (
    '<div class="language-python codeBlockContainer"><div><pre tabindex="0"><code><span class="token-line"><span>def</span>'
    "<span> boil():</span><br></span><span class='token-line'><span>    return 1</span><br></span></code></pre>"
    '<div class="buttonGroup"><button>Copy</button></div></div></div>'
)
NUMBERED = '<pre class="brush: python">1 def boil():\n2     return 1\n3 print(boil())</pre>'
SYNTAX = (
    '<div class="syntaxhighlighter python"><table><tr><td class="gutter"><div class="line number1">1</div><div class="line '
    'number2">2</div></td><td class="code"><div class="container"><div class="line number1"><code class="py keyword">def</code>'
    ' <code>boil():</code></div><div class="line number2"><code>&nbsp;&nbsp;&nbsp;&nbsp;</code><code>return 1</code></div></div>'
    "</td></tr></table></div>"
)


@pytest.mark.parametrize(
    ("markup", "language"),
    [(PYGMENTS, "python"), (HLJS, "python"), (PRISM, "python"), (NUMBERED, "python"), (SYNTAX, "")],
)
def test_code_loses_numbers_and_spans_and_keeps_its_lines(markup: str, language: str) -> None:
    text = found(markup).text
    assert f"```{language}\ndef boil():\n    return 1\n" in text and "Copy" not in text


def test_tables_of_data_become_markdown_and_those_of_layout_do_not() -> None:
    data = (
        "<table><caption>Boiling points</caption><thead><tr><th>Height</th><th colspan=2>Boils at</th></tr></thead>"
        "<tr><td rowspan=2>0 m</td><td>100 °C</td><td>a|b</td></tr><tr><td>212 °F</td><td></td></tr></table>"
    )
    text = found(data).text
    assert "| Height | Boils at |  |\n|---|---|---|\n| 0 m | 100 °C | a\\|b |\n|  | 212 °F |  |" in text
    layout = f"<table><tr><td><h2>Left</h2>{PROSE}</td><td>{PROSE}</td></tr></table>"
    assert "|" not in found(layout).text


POSTS = [
    ("ada", "How long does water take to boil on a gas stove?"),
    ("grace", "About ten minutes for a litre, with a lid on it."),
]


def xenforo(author: str, text: str) -> str:
    return (
        f'<article class="message message--post" data-author="{author}"><div class="message-user"><h4 class="message-name">{author}'
        f'</h4><h5>Member</h5></div><header><time class="u-dt">Mar 27, 2025</time></header><div class="message-body"><div class='
        f'"bbWrapper">{text}</div></div><div class="message-signature"><div class="bbWrapper">My kettle is older than you</div></div></article>'
    )


def discourse(author: str, text: str) -> str:
    return (
        f'<div class="topic-body crawler-post"><div class="crawler-post-meta"><span class="creator" itemprop="author"><a><span '
        f'itemprop="name">{author}</span></a></span><time class="post-time">January 28, 2024, 3:36pm</time></div><div class="post" '
        f'itemprop="text"><p>{text}</p></div><div>1 Like</div></div>'
    )


def phpbb(author: str, text: str) -> str:
    return (
        f'<div class="post has-profile"><dl class="postprofile"><dt><a class="username">{author}</a></dt><dd>Posts: 12</dd></dl>'
        f'<div class="postbody"><p class="author">by <strong><a class="username">{author}</a></strong> » <time>Sun Dec 17, 2023</time>'
        f'</p><div class="content">{text}</div><div class="signature">My kettle</div></div></div>'
    )


def vbulletin(author: str, text: str) -> str:
    return (
        f'<li class="postbitlegacy"><span class="date">11-29-2024</span><a class="username">{author}</a><dl><dt>Join Date</dt></dl>'
        f'<blockquote class="postcontent restore">{text}</blockquote><a>Reply With Quote</a></li>'
    )


def stack_exchange(author: str, text: str) -> str:
    own = (
        'id="question"'
        if author == "ada"
        else 'id="answer-2" data-answerid="2" class="answer accepted-answer"'
    )
    return (
        f'<div {own}><div class="votecell">7</div><div class="s-prose js-post-body"><p>{text}</p></div><div class="post-signature">'
        f'<div class="user-action-time">answered <span>Mar 2 at 10:00</span></div><div class="user-details"><a href="/u">{author}</a>'
        "<span>1,024</span></div></div><div class='comments'>Add a comment</div></div>"
    )


def invision(author: str, text: str) -> str:
    return (
        f'<article class="cPost ipsBox"><aside><h3 class="cAuthorPane_author"><a>{author}</a></h3><ul><li>Members</li></ul></aside>'
        f'<time>June 14, 2024<span>1 yr</span></time><div data-role="commentContent"><p>{text}</p></div><a>Quote</a></article>'
    )


@pytest.mark.parametrize("platform", [xenforo, discourse, phpbb, vbulletin, stack_exchange, invision])
def test_a_thread_becomes_its_posts_in_order_with_their_authors(platform: Any) -> None:
    posts = "".join(platform(author, text) for author, text in POSTS)
    one = whole(
        f"<html><body><nav>Log in</nav><ol>{posts}</ol><footer>Powered by a forum</footer></body></html>"
    )
    text = one.text
    assert [text.index(f"**{author}**") < text.index(words) for author, words in POSTS] == [True, True]
    assert text.index(POSTS[0][1]) < text.index("**grace**")
    for furniture in ("kettle", "Reply", "Log in", "Powered", "Member", "Like", "1 yr"):
        assert furniture not in text
    assert (
        one.notes["page_type"] == "forum"
        and one.notes["posts"] == 2
        and one.notes["by"].startswith("posts of ")
    )
    assert ("accepted answer" in text) == (platform is stack_exchange)


def test_a_thread_that_scripts_draw_is_read_from_the_data_they_start_from() -> None:
    posts = [
        {"username": author, "cooked": f"<p>{text}</p>", "created_at": "2024-01-28T15:36:00Z"}
        for author, text in POSTS
    ]
    data = json.dumps({"topic_7": json.dumps({"post_stream": {"posts": posts}})}).replace('"', "&quot;")
    text = whole(f'<html><body><div id="data-preloaded" data-preloaded="{data}"></div></body></html>').text
    assert text == f"**ada** · 2024-01-28\n\n{POSTS[0][1]}\n\n**grace** · 2024-01-28\n\n{POSTS[1][1]}"


def test_a_product_that_scripts_draw_is_read_from_its_json_ld() -> None:
    told = {
        "@context": "https://schema.org",
        "@graph": [
            {
                "@type": "Product",
                "name": "Copper kettle",
                "description": "<p>A kettle of one litre, beaten from a single sheet of copper by hand, tinned inside, and with a "
                "handle that stays cool.</p>",
                "offers": {"@type": "Offer", "price": "89.00", "priceCurrency": "EUR"},
            }
        ],
    }  # fmt: skip
    page = f"""<html><head><title>Copper kettle</title><script type="application/ld+json">{json.dumps(told)}</script></head>
    <body><div id="root"></div><noscript>You need to enable JavaScript to run this app.</noscript></body></html>"""
    one = whole(page, "https://shop.example/products/copper-kettle")
    assert one.notes["page_type"] == "product" and "JSON-LD" in one.notes["by"]
    assert "beaten from a single sheet of copper by hand" in one.text


def test_broken_json_ld_is_passed_over() -> None:
    head = '<script type="application/ld+json">{"@type": "Product", "name": </script>' + (
        f'<script type="application/ld+json">{"[" * 100_000}</script>'
    )
    assert SENTENCE.strip() in found("", head).text


def test_a_listing_keeps_its_entries_and_loses_what_is_around_them() -> None:
    entries = "".join(
        f'<article class="card"><h2><a href="/news/{at}">How kettle number {at} came to boil</a></h2><p>The story of kettle number '
        f"{at}, of the people who filled it with water and of those who were waiting for their tea.</p></article>"
        for at in range(12)
    )
    page = f"""<html><head><title>News · The Kitchen</title></head><body class="archive"><nav><a href="/">Home</a><a href="/shop">Shop</a>
    </nav><main><h1>News</h1>{entries}<nav class="pagination"><a href="?p=2">Next</a></nav></main>
    <footer><a href="/privacy">Privacy policy</a> © 2024</footer></body></html>"""
    one = whole(page, "https://kitchen.example/news/")
    assert one.notes["page_type"] == "listing"
    assert (
        all(f"The story of kettle number {at}," in one.text for at in range(12)) and "Privacy" not in one.text
    )


def test_author_date_and_licence_are_kept_with_what_says_so() -> None:
    head = (
        '<meta name="author" content="Ada Lovelace"><meta property="article:published_time" content="2024-05-06T07:08:09Z">'
        '<link rel="license" href="https://creativecommons.org/licenses/by-sa/4.0/">'
    )
    notes = found("", head).notes
    assert (
        notes["author"] == "Ada Lovelace"
        and notes["date"] == "2024-05-06"
        and notes["licence"]["name"] == "CC-BY-SA-4.0"
    )
    assert 'rel="license"' in notes["licence"]["evidence"] and "by-sa/4.0" in notes["licence"]["evidence"]
    assert (
        "licence"
        not in found("<p>We love <a href='https://creativecommons.org/'>Creative Commons</a>.</p>").notes
    )


@pytest.mark.parametrize(
    "page",
    [
        "<div>" * 100_000 + SENTENCE * 5 + "</div>" * 100_000,
        "<b>" * 100_000 + f"<p>{SENTENCE * 5}</p>",
        "<ul><li>" * 5_000 + SENTENCE * 5,
        "<table><tr><td>" * 3_000 + SENTENCE * 5,
        "<blockquote>" * 3_000 + SENTENCE * 5,
        "<math>" + "<mrow>" * 50_000 + "</math>" + f"<p>{SENTENCE * 5}</p>",
        f"<p>{SENTENCE * 5}</p>" + "<a href='" + "x" * 3_000_000 + "'>link</a>",
        "<p class='" + "nav-" * 200_000 + f"'>{SENTENCE * 5}</p>",
        f"<!-- {'-' * 100_000}<p>{SENTENCE * 5}</p>" + f"--><p>{SENTENCE * 5}</p>",
    ],
    ids=["divs", "bold", "lists", "tables", "quotes", "formula", "address", "names", "comment"],
)  # fmt: skip
def test_pages_made_to_break_it_still_give_their_text(page: str) -> None:
    assert "Water boils at one hundred degrees" in whole(page).text
