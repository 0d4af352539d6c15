"""What the names that authors give to elements (class, id, role, itemprop) and their tags tell about the text inside.

The words are those of themes, generators and platforms in general; no site is named. A name maps to a set of bits, one
per hint, and the bits of everything around a text are what the judgement sees.
"""

from __future__ import annotations

import re
from functools import lru_cache

#: Hint → words as they stand in class names and ids, between separators or at the seam of camelCase.
WORDS: dict[str, str] = {
    "navigation": r"nav(?:bar|igation|list|menu)?|menus?|submenu|toc|tabs?-?nav|skip(?:-?(?:link|to))?|topbar|mega",
    "header": r"header|masthead|banner|site-?title|logo|brand(?:ing)?",
    "footer": r"footer|foot|colophon|bottom|copyright|legal",
    "sidebar": r"side(?:bar|nav)?|aside|rail|complementary|widgets?|secondary|right-?col(?:umn)?|left-?col(?:umn)?",
    "comments": r"comments?|commentlist|respond|disqus|replies|discussion",
    "related": r"related|recommend(?:ed|ations?|s)?|similar|more|also|upsells?|cross-?sells?|you-?may|popular|trending|latest|recent(?:ly)?|read-?next|next|prev(?:ious)?|suggested",
    "share": r"shar(?:e|ing)|social|follow|twitter|facebook|addtoany|sharedaddy|likes?",
    "consent": r"cookies?|consent|gdpr|onetrust|privacy|notice",
    "advert": r"ads?|advert(?:isement|ising)?|sponsor(?:ed)?|promo(?:tion|s)?|banner|dfp|cta|affiliate",
    "dialog": r"modal|popup|pop|dialog|overlay|drawer|off-?canvas|lightbox|tooltip|dropdown|flyout|toast|alert",
    "breadcrumb": r"bread-?crumbs?|crumbs?",
    "paging": r"pagination|pager|paging|page-?numbers?|load-?more",
    "newsletter": r"newsletter|subscri(?:be|ption)|sign-?up|opt-?in|mailing|mailchimp|signin|login|register|account",
    "search": r"search|filters?|sort(?:ing|by)?|facets?|refine",
    "shop": r"cart|basket|checkout|wish-?list|minicart|buy|add-?to|quantity|qty|stock|shipping|delivery|payment|swatch|variants?|options?",
    "meta": r"meta|by-?line|author|date|time(?:stamp)?|published|posted|tags?|categor(?:y|ies)|info|views|reading-?time",
    "bio": r"bio|about-?(?:the-?)?author|author-?(?:box|bio|info)|profile|signature|sig|avatar|user-?(?:info|details|card|title)?|member|poster|rank|karma|badges?",
    "tools": r"toolbar|tools?|actions?|buttons?|btn|controls?|print|edit|vote|flag|report|rating|stars?",
    "article": r"article|post|entry|story|blog|news|content|body|text|main|prose|rich-?text|rte|wysiwyg|copy|editor|markdown|page",
    "body": r"(?:article|post|entry|story|page|main|blog|content|message|topic)-?(?:body|content|text|copy)|(?:body|content)-?(?:text|copy|area)|bbwrapper|cooked|s-?prose|postbody|post-?message|hentry|articlebody|description",
    "product": r"products?|pdp|item-?details?|woocommerce|sku",
    "describes": r"desc(?:ription)?|details?|specs?|specifications?|features?|ingredients|summary|overview|benefits|about|info(?:rmation)?",
    "price": r"prices?|pricing|amount|cost|sale|discount|currency",
    "reviews": r"reviews?|testimonials?|ratings?|yotpo|judgeme|jdgm|bazaarvoice|stamped|okendo|feedback|trustpilot",
    "cards": r"cards?|tiles?|grid|items?|teasers?|list(?:ing)?s?|results?|loop|archive|collection|carousel|slider|slick|swiper|gallery|feed|thumbnails?",
    "questions": r"faqs?|accordions?|questions?|answers?|q-?a|toggle|collaps(?:e|ible|ed)|tabs?|panels?",
    "hero": r"hero|jumbotron|intro|lead|lede|splash|headline|title|subtitle|heading|excerpt|standfirst|teaser",
    "service": r"services?|features?|benefits|team|contact|location|sections?|blocks?|columns?|row|elementor|wp-?block|vc|module|component|framer|wixui",
    "code": r"code|highlight|snippet|sourcecode|codehilite|prettyprint",
    "quote": r"quote|blockquote|pull-?quote|bbcode",
    "media": r"caption|figure|image|photo|credit|video|player|embed|audio|gallery",
    "unseen": r"hidden|hide|sr-?only|screen-?reader(?:-?text)?|visually-?hidden|invisible|a11y|no-?print|d-?none|assistive",
}

NAMES = tuple(WORDS)
BIT = {name: 1 << at for at, name in enumerate(NAMES)}

#: Tags that say the same as a hint would.
OF_TAG: dict[str, int] = {
    "nav": BIT["navigation"],
    "header": BIT["header"],
    "footer": BIT["footer"],
    "aside": BIT["sidebar"],
    "article": BIT["article"],
    "main": BIT["article"],
    "dialog": BIT["dialog"],
    "blockquote": BIT["quote"],
    "figcaption": BIT["media"],
    "details": BIT["questions"],
    "address": BIT["meta"],
    "time": BIT["meta"],
    "menu": BIT["navigation"],
    "noscript": BIT["unseen"],
}

_ONE = re.compile("|".join(f"(?P<{name}>(?<![a-z])(?:{words})(?![a-z]))" for name, words in WORDS.items()))
_EACH = tuple((BIT[name], re.compile(rf"(?<![a-z])(?:{words})(?![a-z])")) for name, words in WORDS.items())
_SEAM = re.compile(r"(?<=[a-z])(?=[A-Z])")
LONGEST = 400  # characters of names that are looked at; utility frameworks write thousands


def hints_of(names: str) -> int:
    """The bits of the hints that these names (class, id, role, itemprop; separated by spaces) give."""
    found = 0
    for name in names[:LONGEST].split():
        found |= _hints_of_one(name)
    return found


@lru_cache(maxsize=50_000)
def _hints_of_one(name: str) -> int:
    lowered = _SEAM.sub("-", name).lower().replace("_", "-")
    if _ONE.search(lowered) is None:
        return 0
    found = 0
    for bit, words in _EACH:
        if words.search(lowered):
            found |= bit
    return found
