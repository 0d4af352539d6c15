"""Threads of forums and of questions and answers: posts in their order, with author, date and which answer was accepted.

Each platform that runs many forums writes every thread in the same markup, which a row of `PLATFORMS` names. A thread that
no row reads is left to the judgement of blocks.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from curation.recipe.ingest.extractors.html.blocks import Block, blocks_of
from curation.recipe.ingest.extractors.html.page import remove, words_in
from curation.recipe.ingest.extractors.html.structured import words_of

MOST_POSTS = 2_000
LONGEST_NAME = 60
BYLINE = re.compile(r"(?:Post )?by (.+?) » (.+)")  # phpBB says both in one


def _has(name: str) -> str:
    return f"contains(concat(' ', normalize-space(@class), ' '), ' {name} ')"


@dataclass(frozen=True, slots=True)
class Platform:
    """Where a platform keeps its posts, as XPath: `post` from the root, the others from a post. `sign` stands in the markup of
    all its threads. `accepted` is a mark on a post."""

    name: str
    sign: str
    post: str
    body: str
    author: str = ""
    date: str = ""
    cut: str = ""  # inside a body: signatures, buttons
    accepted: str = ""


PLATFORMS = (
    Platform(
        "Discourse",
        r"crawler-post|data-post-id",
        f"//div[{_has('topic-body')} and {_has('crawler-post')}] | //article[@data-post-id and .//div[{_has('cooked')}]]",
        f".//div[@class='post' or {_has('cooked')}]",
        f".//*[{_has('creator')}]//*[@itemprop='name'] | .//*[{_has('names')}]//*[{_has('username')}]",
        ".//time",
        f".//*[{_has('lightbox-wrapper')}]//*[{_has('meta')}]",
        f"self::*[.//*[{_has('accepted-answer')}]]",
    ),
    Platform(
        "XenForo",
        r"bbWrapper|messageText",
        f"//article[{_has('message--post')} or {_has('message--article')}] | //li[{_has('message')} and @data-author]",
        f".//div[{_has('bbWrapper')}][not(ancestor::div[{_has('bbWrapper')}])] | .//blockquote[{_has('messageText')}]",
        f"@data-author | .//*[{_has('message-name')}] | .//a[{_has('username')}]",
        f".//header//time | .//time[{_has('u-dt')}] | .//*[{_has('DateTime')}]",
        f".//*[{_has('bbCodeBlock-expandLink')} or {_has('message-signature')} or {_has('js-selectToQuoteEnd')}]",
        f"self::*[{_has('message--solution')} or {_has('is-solution')}]",
    ),
    Platform(
        "phpBB",
        r"postbody",
        f"//div[{_has('post')} and .//div[{_has('postbody')}]]",
        f".//div[{_has('postbody')}]//div[{_has('content')}]",
        f".//p[{_has('author')}]//*[{_has('username')} or {_has('username-coloured')}]"
        f" | .//*[{_has('postprofile')}]//*[{_has('username')} or {_has('username-coloured')}]",
        f".//p[{_has('author')}]//time | .//p[{_has('author')}]",
        f".//*[{_has('signature')}]",
    ),
    Platform(
        "vBulletin",
        r"postbit|post_message_|js-post__content-text",
        f"//li[{_has('postbit')} or {_has('postbitlegacy')} or {_has('postcontainer')} or {_has('b-post')}]"
        " | //table[starts-with(@id, 'post') and .//div[starts-with(@id, 'post_message_')]]",
        f".//blockquote[{_has('postcontent')}] | .//div[starts-with(@id, 'post_message_') and not(.//blockquote[{_has('postcontent')}])]"
        f" | .//*[{_has('js-post__content-text')}]",
        f".//a[{_has('bigusername')} or {_has('username')}] | .//*[{_has('username')}] | .//*[{_has('author')}]//a",
        f".//span[{_has('date')}] | .//time | .//td[{_has('thead')}][1]",
    ),
    Platform(
        "Stack Exchange",
        r"js-post-body|post-text",
        f"//div[@id='question'] | //div[{_has('answer')} and (@data-answerid or starts-with(@id, 'answer-'))]",
        f".//div[{_has('js-post-body')}] | .//div[{_has('post-text')}]",
        f"(.//*[{_has('post-signature')} or {_has('user-info')}])[last()]//*[{_has('user-details')}]/a",
        f"(.//*[{_has('user-action-time')}])[last()]/span",
        f".//*[{_has('js-post-notice')}]",
        f"self::*[{_has('accepted-answer')} or {_has('js-accepted-answer')}]",
    ),
    Platform(
        "Invision",
        r"commentContent",
        f"//article[{_has('cPost')} or {_has('ipsComment')} or {_has('ipsEntry')}]",
        ".//div[@data-role='commentContent']",
        f".//*[{_has('cAuthorPane_author')} or {_has('ipsEntry__username')} or {_has('ipsComment_author')}]//a",
        ".//time",
        f".//*[{_has('ipsQuote_citation')}]//a[{_has('ipsPos_right')}] | .//*[{_has('ipsItemSignature')}]",
        f"self::*[{_has('cPost_solved')} or {_has('ipsComment_solved')}]",
    ),
    Platform(
        "Simple Machines",
        r"post_wrapper",
        f"//div[{_has('post_wrapper')}]",
        f".//div[{_has('post')}]/div[{_has('inner')}] | .//div[{_has('inner')}]",
        f".//div[{_has('poster')}]//h4//a | .//div[{_has('poster')}]//h4",
        f".//*[{_has('keyinfo')}]//*[{_has('smalltext')}]",
        f".//*[{_has('signature')}]",
    ),
    Platform(
        "MyBB",
        r"post_body",
        f"//div[{_has('post')} and starts-with(@id, 'post_')] | //table[starts-with(@id, 'post_') and .//*[{_has('post_body')}]]",
        f".//div[{_has('post_body')}]",
        f".//*[{_has('author_information')} or {_has('post_author')}]//a",
        f".//*[{_has('post_date')}]",
    ),
    Platform(
        "FluxBB",
        r"blockpost",
        f"//div[{_has('blockpost')}]",
        f".//div[{_has('postmsg')}]",
        f".//*[{_has('postleft')}]//dt",
        ".//h2//a",
        f".//*[{_has('postsignature')}]",
    ),
    Platform(
        "NodeBB",
        r"post/content",
        "//li[@component='post']",
        ".//*[@component='post/content']",
        "@data-username | .//*[@data-username]/@data-username",
        f".//*[{_has('timeago')}]/@title",
    ),
    Platform(
        "Vanilla",
        r"ItemDiscussion|ItemComment",
        f"//*[{_has('ItemDiscussion')} or {_has('ItemComment')}]",
        f".//*[{_has('Message')}]",
        f".//*[{_has('Author')}]//*[{_has('Username')}] | .//a[{_has('Username')}]",
        ".//time",
        accepted=f"self::*[{_has('Item-Accepted')} or {_has('AcceptedAnswer')}]",
    ),
    Platform(
        "Flarum",
        r"flarum-content",
        "//*[@id='flarum-content']//article",
        f".//*[{_has('Post-body')}]",
        f".//*[{_has('PostUser-name')}] | .//h3",
        ".//time | .//*[contains(@class, 'PostMeta')]",
    ),
    Platform(
        "Khoros",
        r"lia-message-body-content",
        f"//*[{_has('lia-message-view-display')} or {_has('lia-linear-display-message-view')} or {_has('lia-quilt-forum-message')}]",
        f".//*[{_has('lia-message-body-content')}]",
        f".//*[{_has('lia-user-name-link')}]",
        f".//*[{_has('DateTime')}]",
        f".//*[{_has('lia-message-signature')}]",
        f"self::*[{_has('lia-accepted-solution')} or .//*[{_has('lia-component-solution-info')}]]",
    ),
    Platform(
        "bbPress",
        r"bbp-reply-content|bbp-topic-content",
        f"//div[{_has('bbp-reply-content')}]/.. | //div[{_has('bbp-topic-content')}]/..",
        f".//*[{_has('bbp-reply-content')} or {_has('bbp-topic-content')}]",
        f".//*[{_has('bbp-author-name')}]",
        f"preceding-sibling::*[1]//*[{_has('bbp-reply-post-date')}]",
        f".//*[{_has('bbp-signature')} or {_has('bbp-reply-revision-log')}]",
    ),
    Platform(
        "Reddit",
        r"shreddit-|usertext-body",
        f"//shreddit-post | //shreddit-comment | //div[{_has('thing')} and .//div[{_has('usertext-body')}]]",
        f"./*[@slot='text-body'] | ./*[@slot='comment'] | ./div[{_has('entry')}]//div[{_has('usertext-body')}]",
        f"@author | ./div[{_has('entry')}]//a[{_has('author')}]",
        f"./div[{_has('entry')}]//time",
    ),
    Platform(
        "Hacker News",
        r"commtext",
        f"//tr[{_has('athing')} and {_has('comtr')}]",
        f".//*[{_has('commtext')}]",
        f".//a[{_has('hnuser')}]",
        f".//*[{_has('age')}]",
        f".//*[{_has('reply')}]",
    ),
)


@dataclass(slots=True)
class Post:
    """A post of a thread: who wrote it when, as the page says it, and its text as blocks."""

    author: str
    date: str
    blocks: list[Block]
    accepted: bool = False


@dataclass(slots=True)
class Thread:
    platform: str
    posts: list[Post]


def thread_of(root: Any, markup: str, address: str) -> Thread | None:
    """The thread on a page, if one of the platforms wrote it and its posts can be read. Takes furniture out of posts."""
    for platform in PLATFORMS:
        if not re.search(platform.sign, markup):
            continue
        posts = [
            post
            for element in root.xpath(platform.post)[:MOST_POSTS]
            if (post := _post(platform, element, address)) is not None
        ]
        if posts:
            return Thread(platform.name, posts)
    return _preloaded(root, address) if "data-preloaded" in markup else None


def as_blocks(thread: Thread) -> list[Block]:
    """The thread as blocks: before each post a line with its author, its date and whether it is the accepted answer."""
    out: list[Block] = []
    for post in thread.posts:
        told = [post.date, "accepted answer" if post.accepted else ""]
        head = " · ".join(filter(None, [f"**{post.author}**" if post.author else "", *told]))
        if head:
            out.append(Block("p", head, head, 0, 0, 0, -1))
        out += post.blocks
    return out


def kept(blocks: list[Block], thread: Thread) -> list[bool]:
    """Which blocks of the page stand in the thread's posts."""
    texts = {block.plain for post in thread.posts for block in post.blocks}
    texts |= {post.author for post in thread.posts} | {post.date for post in thread.posts}
    return [block.plain in texts for block in blocks]


def _post(platform: Platform, element: Any, address: str) -> Post | None:
    bodies = element.xpath(platform.body)
    if not bodies:
        return None
    body = bodies[0]
    author = _first(element, platform.author)[:LONGEST_NAME]
    date = _first(element, platform.date)[:LONGEST_NAME]
    if (told := BYLINE.match(date)) is not None:
        author, date = author or told[1], told[2]
    accepted = bool(platform.accepted and element.xpath(platform.accepted))
    for furniture in body.xpath(platform.cut) if platform.cut else ():
        remove(furniture)
    blocks = [
        block for block in blocks_of(body, address).blocks if block.kind not in ("button", "option", "label")
    ]
    return Post(author, date, blocks, accepted) if blocks else None


def _first(element: Any, path: str) -> str:
    """The first text that a path leads to, from an attribute or from an element."""
    for found in element.xpath(path) if path else ():
        words = found if isinstance(found, str) else words_in(found)
        if not isinstance(found, str) and found.tag == "time":
            words = next(
                (one for one in found.itertext() if one.strip()), ""
            )  # what follows is how long ago it was
        if words := " ".join(words.split()):
            return words
    return ""


def _preloaded(root: Any, address: str) -> Thread | None:
    """A Discourse thread whose posts are only in the data that its scripts start from."""
    from lxml import etree

    for holder in root.xpath("//*[@data-preloaded]"):
        try:
            data = json.loads(holder.get("data-preloaded"))
            topics = [json.loads(value) for name, value in data.items() if name.startswith("topic_")]
            found = topics[0]["post_stream"]["posts"]
        except (ValueError, AttributeError, TypeError, LookupError, RecursionError):
            continue
        posts = []
        for one in found[:MOST_POSTS] if isinstance(found, list) else ():
            cooked = one.get("cooked") if isinstance(one, dict) else None
            if not isinstance(cooked, str) or not cooked.strip():
                continue
            body = etree.fromstring(
                cooked, etree.HTMLParser(encoding="utf-8", huge_tree=True, remove_comments=True)
            )
            if body is None:
                continue
            blocks = blocks_of(body, address).blocks
            date = words_of(one.get("created_at"))[:10]
            if blocks:
                posts.append(
                    Post(
                        words_of(one.get("username"))[:LONGEST_NAME],
                        date,
                        blocks,
                        bool(one.get("accepted_answer")),
                    )
                )
        if posts:
            return Thread("Discourse", posts)
    return None
