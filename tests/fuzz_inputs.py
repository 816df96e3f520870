"""What the fuzz tests feed: samples of each format that are cut up, and anything else."""

from collections.abc import Sequence

from hypothesis import strategies as st

# Right to left, combining, joined, of two UTF-16 units, controls, half an emoji.
ODD_LETTERS = st.sampled_from(
    [
        *"aЖіҢ \n\t:-'\"&<>{}[]#|*\\",
        *("🌉", "👨\u200d👩\u200d👧", "שלום", "e\u0301", "\u202e", "\u2028", "\u0085", "\ufeff"),
        *("\x00", "\x1f", "\ud83d", "\r", "\r\n", "０", "١"),
    ]
)
ANY_TEXT = st.text(max_size=12) | st.lists(ODD_LETTERS, max_size=12).map("".join)


def pieces_of(*pieces: str) -> st.SearchStrategy[str]:
    """Texts of these pieces in any order, with odd letters between them."""
    return st.lists(st.sampled_from(pieces) | ODD_LETTERS, max_size=25).map("".join)


def damaged(samples: Sequence[str], *pieces: str) -> st.SearchStrategy[str]:
    """Samples of which parts are cut out, said twice, or replaced by these pieces."""
    cuts = st.tuples(
        st.integers(0, 2000), st.integers(0, 80), st.sampled_from(pieces) | ANY_TEXT, st.booleans()
    )

    def damage(sample: str, cut: list[tuple[int, int, str, bool]]) -> str:
        for at, length, piece, keeps in cut:
            start = at % (len(sample) + 1)
            rest = sample[start if keeps else start + length :]
            sample = sample[:start] + piece + rest
        return sample

    return st.builds(damage, st.sampled_from(list(samples)), st.lists(cuts, max_size=5))


def as_bytes(texts: st.SearchStrategy[str]) -> st.SearchStrategy[bytes]:
    """The same in several encodings, and bytes that are no text."""
    encodings = st.sampled_from(["utf-8", "utf-8", "utf-8", "utf-16", "cp1251", "latin-1"])
    return (
        st.builds(lambda text, name: text.encode(name, "replace"), texts, encodings)
        | st.builds(
            lambda text, junk: text.encode("utf-8", "surrogatepass") + junk,
            texts,
            st.binary(max_size=20),
        )
        | st.binary(max_size=200)
    )


ARTICLE = """\
---
title: A bridge over the Naryn
url: https://example.org/bridge
publisher: Naryn Times
language: en
published: 2021-10-25
---

Spring came late. The bridge is 90 metres long. It was opened by Asel Ibraimova.

Мост длиной 90 метров открыли весной. Көпүрө 90 метр.
"""
_FRONT_MATTER = (
    *("---\n", "\n---\n", "title:", "url:", "publisher:", "language:", "published:", " ", "\n"),
    *(
        "https://example.org/a",
        "http://[",
        "2021-02-30",
        "~",
        "null",
        "&a ",
        "*a",
        "!!python/none",
    ),
    *("? ", "- ", "{", "}", "[", "]", "|\n  ", ">\n", "%YAML 1.1\n", "!!binary x", "<<: ", "'"),
    *("!!python/object/apply:os.system ['true']", "&a [*a]", "title: x\nurl: http://x.y\n"),
)
ARTICLES = as_bytes(damaged([ARTICLE], *_FRONT_MATTER))
FRONT_MATTER = st.builds(
    lambda values, body: f"---\n{values}\n---\n{body}",
    pieces_of(*_FRONT_MATTER) | damaged([ARTICLE.split("---\n")[1]], *_FRONT_MATTER),
    st.sampled_from(["", "A body.", "\n\n"]) | ANY_TEXT,
)
DRAFTS = as_bytes(
    damaged(
        [
            '<!-- {"origin": {"source": "News", "admin_id": null}, "added": '
            f'"2026-03-01T12:00:00Z", "same_text": null}} -->\n{ARTICLE}'
        ],
        *_FRONT_MATTER,
        *("<!-- ", " -->\n", "null", '"added": ', "1e400", "-1", "{}", "[[", "9" * 30, "Infinity"),
    )
)
SOURCES = as_bytes(
    damaged(
        [
            "- url: https://example.org/feed\n  name: News\n  every: 6h\n  approval: ask\n"
            "  language: ru\n- url: https://example.org/sitemap.xml\n"
        ],
        *_FRONT_MATTER,
        *("- url: ", "every: ", "approval: automatic", "365d", "15m", "9" * 20 + "d", "0h", "٣h"),
    )
)

FEED = """\
<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/"><channel><title>News</title>
<link>https://example.org/</link>
<item><title>A &lt;b&gt;bridge&lt;/b&gt;</title><link>https://example.org/a</link>
<pubDate>Mon, 25 Oct 2021 10:00:00 +0600</pubDate><guid>a</guid></item>
<item><title><![CDATA[Canal]]></title><link>/b</link><dc:date>2021-10-26</dc:date></item>
</channel></rss>
"""
ATOM = """\
<feed xmlns="http://www.w3.org/2005/Atom" xml:base="https://example.org/"><title>News</title>
<entry><title type="html">A &amp;lt;b&amp;gt;</title><link href="a"/><id>1</id>
<published>2021-10-25T10:00:00Z</published><updated>2021-10-26T10:00:00Z</updated></entry></feed>
"""
SITEMAP = """\
<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"
 xmlns:news="http://www.google.com/schemas/sitemap-news/0.9">
<url><loc>https://example.org/a</loc><lastmod>2021-10-25</lastmod><news:news>
<news:publication_date>2021-10-25</news:publication_date><news:title>Bridge</news:title>
</news:news></url><url><loc>/b</loc></url></urlset>
"""
SITEMAP_INDEX = """\
<sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"><sitemap>
<loc>https://example.org/posts.xml</loc><lastmod>2021-10-25</lastmod></sitemap></sitemapindex>
"""
_ENTITIES = "".join(
    f'<!ENTITY {name} "{f"&{before};" * 10}">'
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
_BOMB = f'<!DOCTYPE r [<!ENTITY a "ha">{_ENTITIES}]>'
_XML = (
    *("<item>", "</item>", "<title>", "</title>", "<link>", "<link href='", "'/>", "<loc>", "&i;"),
    *("]]>", "<![CDATA[", "<!--", "-->", "<?xml ", "?>", "&#0;", "&#x110000;", "&nbsp;", "&lt;"),
    *(_BOMB, "<a>" * 400, "</a>" * 400, '<!ENTITY x SYSTEM "file:///etc/passwd">', "&x;", " x='"),
    *("http://[", "//", "javascript:alert(1)", "https://" + "a" * 300, "99999-99-99", "xmlns:a='"),
    *("0000-00-00", "Mon, 99 Foo 20211 10:00:00 +9999", "9" * 40, "<rss>", "<urlset>", "<feed>"),
)
FEEDS = as_bytes(damaged([FEED, ATOM], *_XML) | pieces_of(*_XML))
SITEMAPS = as_bytes(damaged([SITEMAP, SITEMAP_INDEX], *_XML) | pieces_of(*_XML))

PAGE = """\
<!doctype html><html lang="en"><head><title>A bridge | News</title><base href="https://x.org/">
<link rel="canonical" href="https://example.org/a">
<link rel="alternate" type="application/rss+xml" href="/feed">
<meta property="article:published_time" content="2021-10-25T10:00:00+06:00">
<script type="application/ld+json">{"@type": "NewsArticle", "datePublished": "2021-10-25",
"headline": "A bridge", "publisher": {"name": "News"}}</script></head><body><nav><a href="/">Home
</a></nav><article><h1>A bridge</h1><time datetime="2021-10-25">Monday</time><p>The bridge over
the Naryn is 90 metres long, and it was opened in the spring by Asel Ibraimova.</p><ul><li>One
</li><li>Two</li></ul><table><tr><td>A</td></tr></table></article></body></html>
"""
PAGES = as_bytes(
    damaged(
        [PAGE],
        *_XML,
        *("<p>", "</p>", "<div>" * 300, "<table><tr><td>", "<li>", "<ul>" * 200, "<svg><math>"),
        *("</article>", "<body>", "<frameset>", "<template>", "<base href='http://['>", "<h1>"),
        *('{"@graph": [', "[" * 300, '"datePublished": "', "<meta charset='", "utf-7'>", "<br>"),
        *("<time datetime='", "<meta property='og:title' content='", "<link rel='canonical'"),
    )
)
