"""Feeds and sitemaps: what is read of them, however they are broken or meant to do harm."""

import gzip
from datetime import date

import pytest

from knowledge.errors import DocumentError, Problem
from knowledge.feeds import MAX_ENTRIES, Entry, Listing, ListingKind, find_listings, read_listing
from knowledge.fetching import Fetched

RSS = """\
<?xml version="1.0" encoding="utf-8"?>
<rss version="2.0"><channel>
<title>Green &amp;amp; clean</title>
<link>https://example.org/</link>
<item>
  <title>A &lt;b&gt;bridge&lt;/b&gt; over the Naryn &amp;mdash; at last</title>
  <link>/news/bridge?a=1&amp;b=2</link>
  <pubDate>Thu, 12 Jun 2025 02:00:00 +0600</pubDate>
  <description>Long.</description>
</item>
<item><title>Without a link</title><guid isPermaLink="false">17</guid></item>
<item><title>A trap</title><link>javascript:alert(1)</link></item>
<item><title>A file</title><link>file:///etc/passwd</link></item>
<item>
  <title>1 &lt; 2</title>
  <guid>https://example.org/newer</guid>
  <pubDate>Fri, 13 Jun 2025 09:00:00 GMT</pubDate>
</item>
</channel></rss>
"""
ATOM = """\
<feed xmlns="http://www.w3.org/2005/Atom" xml:base="https://example.org/blog/">
<title type="html">Notes &lt;i&gt;and more&lt;/i&gt;</title>
<entry>
  <title>Одна &amp; другая</title>
  <link rel="alternate" href="first"/>
  <published>2025-06-12T00:30:00+06:00</published>
  <updated>2025-07-01T00:00:00Z</updated>
</entry>
<entry><title></title><link href="second"/><updated>2025-06-14T00:00:00Z</updated></entry>
</feed>
"""
SITEMAP = """\
<?xml version="1.0" encoding="UTF-8"?>
<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"
        xmlns:news="http://www.google.com/schemas/sitemap-news/0.9"
        xmlns:image="http://www.google.com/schemas/sitemap-image/1.1">
<url><loc>https://example.org/</loc><lastmod>2025-09-01</lastmod></url>
<url><loc> https://example.org/undated </loc></url>
<url>
  <loc>https://example.org/changed?a=1&amp;b=2</loc>
  <lastmod>2025-06-11T10:00:00+00:00</lastmod>
  <image:image><image:title>A photo</image:title></image:image>
</url>
<url>
  <loc>https://example.org/news</loc>
  <news:news>
    <news:publication_date>2025-06-12T08:00:00+06:00</news:publication_date>
    <news:title>A
      bridge</news:title>
  </news:news>
</url>
</urlset>
"""
INDEX = """\
<sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">
<sitemap><loc>/post-sitemap.xml</loc><lastmod>2025-06-01</lastmod></sitemap>
<sitemap><loc>/category-sitemap.xml</loc><lastmod>2025-06-03</lastmod></sitemap>
<sitemap><loc>/post-sitemap2.xml</loc><lastmod>2025-06-02</lastmod></sitemap>
</sitemapindex>
"""
# Ten to the ninth "lol", from less than a kilobyte.
NESTED = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(2, 11))
BOMB = f'<!DOCTYPE r [<!ENTITY l1 "lol">{NESTED}]>'


def fetched(
    body: str | bytes, *, url: str = "https://example.org/feed", charset: str | None = None
) -> Fetched:
    """What a site has sent."""
    content = body.encode() if isinstance(body, str) else body
    return Fetched(url, "text/xml", charset, content, None, None, not_modified=False)


def links(listing: Listing) -> list[str]:
    """The links of a listing, in its order."""
    return [entry.url for entry in listing.entries]


def test_rss() -> None:
    """Links are whole, titles plain text, days the site's own; only web links count."""
    assert read_listing(fetched(RSS)) == Listing(
        ListingKind.FEED,
        "Green & clean",
        (
            Entry("https://example.org/newer", "1 < 2", date(2025, 6, 13), date(2025, 6, 13)),
            Entry(
                "https://example.org/news/bridge?a=1&b=2",
                "A bridge over the Naryn — at last",
                date(2025, 6, 12),
                date(2025, 6, 11),
            ),
        ),
    )


def test_atom() -> None:
    """Relative links belong to the feed's base; a change is no new publication."""
    assert read_listing(fetched(ATOM)) == Listing(
        ListingKind.FEED,
        "Notes and more",
        (
            Entry("https://example.org/blog/second", None, date(2025, 6, 14), date(2025, 6, 14)),
            Entry(
                "https://example.org/blog/first",
                "Одна & другая",
                date(2025, 6, 12),
                date(2025, 6, 11),
            ),
        ),
    )


def test_rss_1() -> None:
    """The oldest kind of feed has its items beside the channel."""
    text = """<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
        xmlns="http://purl.org/rss/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/">
        <channel><title>Old</title></channel>
        <item><title>A</title><link>https://example.org/a</link>
        <dc:date>2025-06-12</dc:date></item></rdf:RDF>"""
    day = date(2025, 6, 12)
    assert read_listing(fetched(text)).entries == (Entry("https://example.org/a", "A", day, day),)


def test_sitemap() -> None:
    """The newest come first; only news sitemaps tell when something was published."""
    assert read_listing(fetched(SITEMAP)) == Listing(
        ListingKind.SITEMAP,
        None,
        (
            Entry("https://example.org/news", "A bridge", date(2025, 6, 12), date(2025, 6, 12)),
            Entry("https://example.org/changed?a=1&b=2", None, None, date(2025, 6, 11)),
            Entry("https://example.org/undated", None, None, None),
        ),
    )


def test_sitemap_index() -> None:
    """An index lists sitemaps, the latest first; those of tags and authors are no articles."""
    listing = read_listing(fetched(INDEX))
    assert listing.kind is ListingKind.INDEX
    assert links(listing) == [
        "https://example.org/post-sitemap2.xml",
        "https://example.org/post-sitemap.xml",
    ]


@pytest.mark.parametrize("text", [RSS, SITEMAP, INDEX])
def test_packed(text: str) -> None:
    """A listing may be packed as .gz; one that breaks off is read as far as it goes."""
    assert read_listing(fetched(gzip.compress(text.encode()))) == read_listing(fetched(text))
    assert read_listing(fetched(gzip.compress(text.encode())[:-10])).entries


def test_packed_bomb() -> None:
    """A packed listing is unpacked up to a limit only."""
    bomb = gzip.compress(b"<urlset><url><loc>https://e.org/a</loc></url>" + bytes(200_000_000))
    assert len(bomb) < 1_000_000
    assert links(read_listing(fetched(bomb))) == ["https://e.org/a"]


@pytest.mark.parametrize(
    ("text", "link"),
    [
        ("<rss version='2.0'><channel><item><link>https://e.org/a</link><title>A & B", "a"),
        ("<rss version='2.0'><channel><item><link>https://e.org/a</link></item></chann", "a"),
        ("\n\n <?xml version='1.0'?><urlset><url><loc>https://e.org/a</loc></url><url>", "a"),
        ("<urlset><url><loc>https://e.org/a</loc></url><url><loc>https://e.org/b</ur", "a"),
        ("<urlset><url><loc>https://e.org/a?x=1&y=2</loc></url></urlset>", "a?x=1"),
        ("<urlset><url><loc>https://e.org/a b</loc></url></urlset>", "a%20b"),
    ],
)
def test_broken(text: str, link: str) -> None:
    """What can be made out of broken XML counts."""
    first = links(read_listing(fetched(text)))[0]
    assert first.startswith(f"https://e.org/{link}")


@pytest.mark.parametrize(
    ("body", "charset"),
    [
        ("<rss version='2.0'><channel><title>Новости ө</title></channel></rss>".encode(), None),
        (
            "<?xml version='1.0' encoding='windows-1251'?>"
            "<rss version='2.0'><channel><title>Новости ө</title></channel></rss>".encode(
                "cp1251", "xmlcharrefreplace"
            ),
            None,
        ),
        (
            "<?xml version='1.0' encoding='windows-1251'?>"
            "<rss version='2.0'><channel><title>Новости ө</title></channel></rss>".encode(
                "cp1251", "xmlcharrefreplace"
            ),
            "utf-8",
        ),
        (
            "<rss version='2.0'><channel><title>Новости &#1257;</title></channel></rss>".encode(
                "koi8-r"
            ),
            "koi8-r",
        ),
    ],
)
def test_encodings(body: bytes, charset: str | None) -> None:
    """The text is read right, whether the site, the file or neither names its encoding."""
    assert read_listing(fetched(body, charset=charset)).title == "Новости ө"


def test_utf_16() -> None:
    """Sitemaps may be in any encoding that they name."""
    text = "<?xml version='1.0' encoding='utf-16'?><urlset><url><loc>https://e.org/ө</loc></url>"
    assert links(read_listing(fetched(text.encode("utf-16")))) == ["https://e.org/ө"]


@pytest.mark.parametrize("before", ["", "\n", "<!-- <a -->", "<!-- <a -->\n"])
def test_nested_entities(before: str) -> None:
    """Entities that would grow a millionfold don't; nothing is read of such a sitemap."""
    feed = f"{before}{BOMB}<rss version='2.0'><channel><item><title>&l10;</title>"
    feed += "<link>https://e.org/a</link></item></channel></rss>"
    [entry] = read_listing(fetched(feed)).entries
    assert len(entry.title or "") < 10
    sitemap = f"{before}{BOMB}<urlset><url><loc>https://e.org/a</loc><x>&l10;</x></url></urlset>"
    assert read_listing(fetched(sitemap)).entries == ()


@pytest.mark.parametrize("before", ["", "\n", "<!-- <a -->", "<!-- <a -->\n"])
def test_entities_from_files(before: str, tmp_path: object) -> None:
    """No entity brings in a file of this machine."""
    entity = f"{before}<!DOCTYPE r [<!ENTITY f SYSTEM 'file://{__file__}'>]>"
    feed = f"{entity}<rss version='2.0'><channel><item><title>A &f;</title>"
    feed += "<link>https://e.org/a</link></item></channel></rss>"
    [entry] = read_listing(fetched(feed)).entries
    assert entry.title in ("A", "A &f;")
    sitemap = f"{entity}<urlset><url><loc>https://e.org/&f;</loc></url></urlset>"
    assert all("brings" not in link for link in links(read_listing(fetched(sitemap))))


def test_a_body_is_never_the_name_of_a_file() -> None:
    """A site can't name a file to be read in place of its feed."""
    with pytest.raises(DocumentError):
        read_listing(fetched(__file__))


def test_no_more_than_some_hundred() -> None:
    """Of a large listing the newest are taken, and no link twice."""
    urls = "".join(
        f"<url><loc>https://e.org/{n}</loc><lastmod>{2000 + n % 25}-01-01</lastmod></url>"
        f"<url><loc>https://e.org/{n}</loc></url>"
        for n in range(20_000)
    )
    entries = read_listing(fetched(f"<urlset>{urls}</urlset>")).entries
    assert len(entries) == len({entry.url for entry in entries}) == MAX_ENTRIES
    assert {entry.changed for entry in entries} == {date(2024, 1, 1)}


def test_long_titles_are_cut() -> None:
    """A title is a line that can be shown, without marks that turn text around."""
    feed = f"<rss version='2.0'><channel><title>A\u202eb\n{'c' * 5000}</title></channel></rss>"
    assert read_listing(fetched(feed)).title == "Ab " + "c" * 297


@pytest.mark.parametrize(
    "body",
    ["", " ", "Hello", "{}", "<html><body><p>Hello</p>", "<svg/>", b"\x00\xff", b"\x1f\x8b"],
)
def test_no_listing(body: str | bytes) -> None:
    """What is no listing is told from an empty one."""
    with pytest.raises(DocumentError) as caught:
        read_listing(fetched(body))
    assert caught.value.problem is Problem.NO_LISTING


@pytest.mark.parametrize(
    "text", ["<rss version='2.0'><channel/></rss>", "<urlset/>", "<sitemapindex></sitemapindex>"]
)
def test_empty_listing(text: str) -> None:
    """A site may have published nothing yet."""
    assert read_listing(fetched(text)).entries == ()


def test_find_listings() -> None:
    """Feeds come before sitemaps, both before comments; other versions of the page don't count."""
    page = """<html><head><base href="/b/">
        <link rel=alternate type="application/rss+xml" title="Site » Comments" href="/c/feed">
        <link rel="alternate" type="application/rss+xml" href="feed?x=1&amp;y=2">
        <link rel=sitemap type=application/xml href=/map.xml>
        <LINK REL="Alternate nofollow" TYPE="Application/Atom+XML" HREF="//other.org/atom">
        <link rel=alternate hreflang=ru href=/ru>
        <link rel=alternate type=application/rss+xml href="javascript:x">
        <link rel=alternate type=application/rss+xml href="/b/feed?x=1&y=2">
        <link rel=stylesheet href=/x.css><body><p>broken"""
    assert find_listings(fetched(page, url="https://example.org/news")) == (
        "https://example.org/b/feed?x=1&y=2",
        "https://other.org/atom",
        "https://example.org/map.xml",
        "https://example.org/c/feed",
    )


@pytest.mark.parametrize(
    "body", ["", " ", "Hello", b"\x00\xff", b"\x89PNG\r\n", "<base href='['>"]
)
def test_nothing_to_find(body: str | bytes) -> None:
    """A page may name nothing, or be none."""
    assert find_listings(fetched(body)) == ()
