"""Web pages become drafts: the article and what the page says about it, nothing around it."""

from datetime import date
from pathlib import Path

import pytest

from knowledge.drafts import Draft
from knowledge.errors import DocumentError, Problem
from knowledge.fetching import Fetched, Fetcher
from knowledge.web import read_page
from site_server import Site
from test_documents import air_pdf, word, write_report

LINK = "https://news.example/air"


def fetched(
    page: str | bytes,
    content_type: str = "text/html",
    charset: str | None = None,
    url: str = LINK,
) -> Fetched:
    body = page.encode() if isinstance(page, str) else page
    return Fetched(url, content_type, charset, body, None, None, not_modified=False)


def read(page: str, url: str = LINK) -> Draft:
    return read_page(fetched(page, url=url))


def problem(page: Fetched) -> DocumentError:
    with pytest.raises(DocumentError) as caught:
        read_page(page)
    return caught.value


RUSSIAN = """\
<!doctype html>
<html lang="ru">
<head>
  <meta charset="utf-8">
  <title>В Бишкеке открыли станцию сортировки — Зелёный вестник</title>
  <meta property="og:title" content="В Бишкеке открыли станцию сортировки">
  <meta property="og:site_name" content="Зелёный вестник">
  <meta property="article:published_time" content="2024-03-05T09:30:00+06:00">
  <meta property="article:modified_time" content="2024-06-01T10:00:00+06:00">
  <link rel="canonical" href="/news/sorting">
</head>
<body>
<header><nav><ul>
  <li><a href="/">Главная</a></li><li><a href="/news">Новости</a></li>
  <li><a href="/about">О нас</a></li>
</ul></nav></header>
<div class="cookie-banner">Мы используем файлы cookie. <button>Принять</button></div>
<main>
<article>
  <h1>В Бишкеке открыли станцию сортировки</h1>
  <div class="meta"><time datetime="2024-03-05">5 марта 2024</time> | Просмотров: 125</div>
  <p>Первая в городе станция сортировки принимает до&nbsp;40&nbsp;тонн
     отходов в&nbsp;день. Её построили за восемь месяцев на месте старого склада.</p>
  <p>«Мы ждали её пять лет», — говорит эко&shy;лог <b>Айгуль</b> <i>Сатыбалдиева</i>.<br>Она
     живёт рядом.</p>
  <h2>Что принимают</h2>
  <ul><li>бумагу и картон;</li><li>стекло и <a href="/metal">металл</a>;</li>
      <li>пластик:<ul><li>бутылки,</li><li>плёнку.</li></ul></li></ul>
  <p>Читайте также: <a href="/news/2">Как сортировать дома</a></p>
  <p>Станция работает с 8 до 20 часов без выходных. Первый месяц всё бесплатно.</p>
  <table><tr><th>Месяц</th><th>Тонн</th></tr><tr><td>Январь</td><td>310</td></tr></table>
  <ol><li>Приехать.</li><li>Сдать.</li></ol>
  <blockquote><p>Город должен сортировать больше половины отходов.</p></blockquote>
  <div class="share"><a href="#">Поделиться</a> <a href="#">Telegram</a></div>
</article>
<section class="related"><h3>Похожие новости</h3>
  <ul><li><a href="/a">Пожар на свалке потушен</a></li><li><a href="/b">Автобусы</a></li></ul>
</section>
<section id="comments"><h3>Комментарии (1)</h3>
  <div class="comment"><p>Давно пора было это сделать, спасибо всем, кто старался!</p></div>
</section>
</main>
<aside class="sidebar"><h3>Популярное</h3><ul><li><a href="/c">Погода</a></li></ul></aside>
<footer><p>© 2024 Зелёный вестник. Все права защищены.</p></footer>
</body></html>
"""


def test_a_news_page_in_russian() -> None:
    """The article is read whole and in order; menus, banners, comments and the like are not."""
    assert read(RUSSIAN) == Draft(
        title="В Бишкеке открыли станцию сортировки",
        url="https://news.example/news/sorting",
        body=(
            "Первая в городе станция сортировки принимает до 40 тонн отходов в день. "
            "Её построили за восемь месяцев на месте старого склада.\n\n"
            "«Мы ждали её пять лет», — говорит эколог Айгуль Сатыбалдиева.\n"
            "Она живёт рядом.\n\n"
            "Что принимают\n\n"
            "• бумагу и картон;\n• стекло и металл;\n• пластик:\n• бутылки,\n• плёнку.\n\n"
            "Станция работает с 8 до 20 часов без выходных. Первый месяц всё бесплатно.\n\n"
            "Месяц | Тонн\nЯнварь | 310\n\n"
            "1. Приехать.\n2. Сдать.\n\n"
            "Город должен сортировать больше половины отходов."
        ),
        publisher="Зелёный вестник",
        language="ru",
        published=date(2024, 3, 5),
    )


KAZAKH = """\
<!DOCTYPE html><html lang="kk-KZ"><head><meta charset="UTF-8">
<title>Алматыда мың ағаш отырғызылды &#8211; Жасыл ел</title>
<script type="application/ld+json">{"@context": "https://schema.org", "@graph": [
  {"@type": "NewsArticle", "headline": "Алматыда мың ағаш отырғызылды",
   "datePublished": "2023-10-14T08:00:00+00:00", "dateModified": "2024-01-02T08:00:00+00:00",
   "publisher": {"@id": "#org"}},
  {"@type": "Organization", "@id": "#org", "name": "Жасыл ел"},
  {"@type": "WebSite", "name": "Жасыл ел", "url": "https://jasyl.example/"}]}</script>
</head><body class="post-template single"><div id="page">
<header id="masthead"><div class="site-title">Жасыл ел</div>
<ul id="menu-main" class="menu"><li class="menu-item"><a href="/">Басты бет</a></li></ul></header>
<div id="content"><article id="post-17" class="post type-post">
<header class="entry-header"><h1 class="entry-title">Алматыда мың ағаш отырғызылды</h1></header>
<div class="entry-content">
<p>Сенбі күні Алматы тұрғындары Медеу ауданында мыңнан астам ағаш отырғызды.</p>
<p>Көшеттерді қалалық питомник тегін берді. Оларды үш жыл бойы мектеп оқушылары күтеді.</p>
<div class="sharedaddy sd-sharing-enabled"><h3 class="sd-title">Бөлісу:</h3></div>
<div id="jp-relatedposts" class="jp-relatedposts"><h3>Ұқсас жазбалар</h3></div>
</div></article>
<nav class="navigation post-navigation"><div class="nav-previous"><a>Алдыңғы жазба</a></div></nav>
<div id="comments" class="comments-area"><h2>Пікір қалдыру</h2>
<form><p>Электронды поштаңыз жарияланбайды.</p></form></div></div>
<aside id="secondary" class="widget-area"><section class="widget widget_recent_entries">
<h2>Соңғы жазбалар</h2><ul><li><a href="/x">Көлдер тазартылды</a></li></ul></section></aside>
</div><footer class="site-footer">Жасыл ел, 2024</footer></body></html>
"""


def test_a_blog_in_kazakh() -> None:
    """A page may say what it is in data for machines only."""
    draft = read(KAZAKH, url="https://jasyl.example/?p=17")
    assert draft.title == "Алматыда мың ағаш отырғызылды"
    assert draft.url == "https://jasyl.example/?p=17"
    assert draft.publisher == "Жасыл ел"
    assert (draft.language, draft.published) == ("kk", date(2023, 10, 14))
    assert draft.body == (
        "Сенбі күні Алматы тұрғындары Медеу ауданында мыңнан астам ағаш отырғызды.\n\n"
        "Көшеттерді қалалық питомник тегін берді. Оларды үш жыл бойы мектеп оқушылары күтеді."
    )


KYRGYZ = """\
<html lang="en-US"><head><title>Чүй дарыясында суу азайды | Табият</title></head><body>
<div id="left-menu"><a href="/">Башкы бет</a> <a href="/news">Жаңылыктар</a></div>
<div class="content"><h1>Чүй дарыясында суу азайды</h1>
<div class="news-text">
Быйыл дарыянын деңгээли он сантиметрге төмөндөдү, муну окумуштуулар айтышты.<br><br>
Мөңгүлөр жылдан жылга кичирейип, талааларга суу барган сайын көп алынууда.<br><br>
Айыл өкмөтү жаңы каналдарды курууну пландап жатат, ал үчүн каражат бөлүндү.
</div></div>
<div id="footer">Бардык укуктар корголгон.</div></body></html>
"""


def test_a_page_in_kyrgyz_without_paragraphs() -> None:
    """Old sites break lines instead; and many call themselves English, whatever they are in."""
    draft = read(KYRGYZ)
    assert draft.title == "Чүй дарыясында суу азайды"
    assert draft.language == "ky"
    assert [line for line in draft.body.splitlines() if line] == [
        "Быйыл дарыянын деңгээли он сантиметрге төмөндөдү, муну окумуштуулар айтышты.",
        "Мөңгүлөр жылдан жылга кичирейип, талааларга суу барган сайын көп алынууда.",
        "Айыл өкмөтү жаңы каналдарды курууну пландап жатат, ал үчүн каражат бөлүндү.",
    ]


TEXT = (
    "<p>The river Chu carries less water every year. Farmers take it for their fields.</p>"
    "<p>A study of 12 May 2019 says that half of it will be gone in thirty years.</p>"
)


def page(head: str = "", body: str = TEXT) -> str:
    return f"<html><head>{head}</head><body>{body}</body></html>"


def test_a_page_that_says_nothing_about_itself() -> None:
    """What is not known is left open, but the publisher is at least the site."""
    assert read(page(), url="https://www.news.example/air#top") == Draft(
        title=None,
        url="https://www.news.example/air#top",
        body=(
            "The river Chu carries less water every year. Farmers take it for their fields.\n\n"
            "A study of 12 May 2019 says that half of it will be gone in thirty years."
        ),
        publisher="news.example",
        language="en",
        published=None,
    )


@pytest.mark.parametrize(
    ("head", "title"),
    [
        ("<title>The river | Green News</title>", "The river"),
        ("<title>The river — Green News</title>", "The river"),
        ("<title>Green News - The river</title>", "The river"),
        ("<meta property='og:title' content='The river - Green News'>", "The river"),
        (
            "<meta property='og:title' content=' The  river\n&mdash; its end '>",
            "The river — its end",
        ),
        ("<title>Green News</title>", "Green News"),
        (f"<title>{'The river ' * 60}</title>", None),
    ],
)
def test_the_title_is_without_the_sites_name(head: str, title: str | None) -> None:
    """The name behind a dash goes if it is the site's; what no title can be is none."""
    site = "<meta property='og:site_name' content='Green News'>"
    assert read(page(site + head)).title == title


@pytest.mark.parametrize(
    ("head", "publisher"),
    [
        ("<meta property='og:site_name' content=' Green\n News '>", "Green News"),
        ("<meta name='publisher' content='Green News'>", "Green News"),
        ("<meta property='article:publisher' content='https://facebook.com/x'>", "news.example"),
    ],
)
def test_the_publisher_is_the_sites_name(head: str, publisher: str) -> None:
    """The link to a page in a social network is no name."""
    assert read(page(head)).publisher == publisher


@pytest.mark.parametrize(
    ("canonical", "url"),
    [
        ("https://news.example/river", "https://news.example/river"),
        ("http://www.news.example/river?id=5#top", "http://www.news.example/river?id=5"),
        ("/river", "https://news.example/river"),
        ("river", "https://news.example/river"),
        # Mistakes, and attempts to pass for somebody else.
        ("https://other.example/river", LINK),
        ("https://news.example/", LINK),
        ("https://news.example", LINK),
        ("", LINK),
        ("http://[", LINK),
        ("javascript:alert(1)", LINK),
        ("/the river", LINK),
    ],
)
def test_the_link_is_the_one_that_the_page_wants(canonical: str, url: str) -> None:
    """Of many links to a page, it names the right one, if it is one to the same site."""
    assert read(page(f"<link rel='canonical' href='{canonical}'>")).url == url


@pytest.mark.parametrize(
    ("head", "body", "url", "published"),
    [
        ("<meta property='article:published_time' content='2024-03-05'>", "", LINK, "2024-03-05"),
        ("<meta itemprop='datePublished' content='2024-03-05'>", "", LINK, "2024-03-05"),
        ("<meta name='dc.date' content='2024-03-05'>", "", LINK, "2024-03-05"),
        ("", "", "https://news.example/2024/03/05/air", "2024-03-05"),
        ("", "<article><time datetime='2024-03-05'>March</time></article>", LINK, "2024-03-05"),
        (
            "",
            "<article><span itemprop='datePublished' content='2024-03-05'></span></article>",
            LINK,
            "2024-03-05",
        ),
        # What the head says goes before what the link says.
        (
            "<meta property='article:published_time' content='2024-03-05'>",
            "",
            "https://news.example/2020/01/01/air",
            "2024-03-05",
        ),
        # Days of other things.
        ("<meta property='article:modified_time' content='2024-03-05'>", "", LINK, None),
        ("<meta property='og:updated_time' content='2024-03-05T10:00:00Z'>", "", LINK, None),
        ("<meta property='og:image' content='/uploads/2024/03/05/a.jpg'>", "", LINK, None),
        ("<title>The meeting of 5 March 2024</title>", "", LINK, None),
        ("", "<p>Published on 5 March 2024, 10:00</p>", LINK, None),
        (
            "",
            "<article><p><time datetime='2024-03-05'>Then</time></p></article>",
            LINK,
            None,
        ),
        ("", "<aside><article><time datetime='2024-03-05'></time></article></aside>", LINK, None),
        (
            "",
            "<article><div class='comments'><time datetime='2024-03-05'></time></div></article>",
            LINK,
            None,
        ),
        ("", "", "https://news.example/2024/03/", None),
        ("<meta name='description' content='On 2024-03-05 10:00 they met'>", "", LINK, None),
        (
            "<script type='application/ld+json'>"
            '{"@type": "Event", "startDate": "2024-03-05T10:00:00+06:00"}</script>',
            "",
            LINK,
            None,
        ),
        (
            "<script type='application/ld+json'>"
            '{"@type": "NewsArticle", "dateModified": "2024-03-05T10:00:00+06:00"}</script>',
            "",
            LINK,
            None,
        ),
        (
            "",
            "<script type='application/ld+json'>"
            '{"@type": "NewsArticle", "datePublished": "2024-03-05T10:00:00+06:00"}</script>',
            LINK,
            "2024-03-05",
        ),
        ("<meta property='article:published_time' content='2999-03-05'>", "", LINK, None),
        ("<meta property='article:published_time' content='soon'>", "", LINK, None),
    ],
)
def test_the_date_is_one_that_the_page_names_as_such(
    head: str, body: str, url: str, published: str | None
) -> None:
    """A wrong date is worse than none: any other day in the page is not the day it came out."""
    found = read(page(head, body + TEXT), url=url).published
    assert found == (date.fromisoformat(published) if published else None)


@pytest.mark.parametrize(
    ("lang", "language"),
    [("en", "en"), ("ru", "en"), ("uz", "uz"), ("tr-TR", "tr"), ("", "en"), ("x-default", "en")],
)
def test_a_page_in_another_language_is_believed(lang: str, language: str) -> None:
    """Of our four, the text tells; that it is in a fifth, only the page can tell."""
    assert read(page().replace("<html>", f"<html lang='{lang}'>")).language == language


CYRILLIC = "Зимой воздух в городе бывает одним из самых грязных в мире. Дымят печи и машины."


@pytest.mark.parametrize(
    ("encoding", "charset", "head"),
    [
        ("cp1251", "windows-1251", ""),
        ("cp1251", None, "<meta charset='windows-1251'>"),
        ("cp1251", None, ""),
        ("koi8_r", None, "<meta http-equiv='Content-Type' content='text/html; charset=koi8-r'>"),
        ("utf-8", None, ""),
        ("utf-8", "windows-1251", "<meta charset='windows-1251'>"),
        ("utf-8", "no-such-charset", ""),
        ("utf-16", None, ""),
    ],
)
def test_pages_in_any_charset(encoding: str, charset: str | None, head: str) -> None:
    """The letters are right whether the server, the page or nobody says what they are in."""
    content = page(head, f"<p>{CYRILLIC}</p><p>{CYRILLIC}</p>").encode(encoding)
    assert read_page(fetched(content, charset=charset)).body == CYRILLIC


def test_broken_html_is_read_as_browsers_read_it() -> None:
    """Tags that are never closed, or closed wrongly, are no reason to lose the text."""
    broken = (
        "<html><head><title>The river</title><body><div><p>The river Chu carries less water "
        "every <b>year.<p>Farmers <i>take it</b> for their fields, and </i></span>nobody asks "
        "<a href='/x>why.</p><p>A study says half of it will soon be gone, &nosuch; it does"
    )
    draft = read(broken)
    assert draft.title == "The river"
    assert draft.body.startswith("The river Chu carries less water every year.")
    assert "Farmers take it for their fields" in draft.body


@pytest.mark.parametrize(
    "nothing",
    [
        "",
        "<html></html>",
        "<p>x</p>",
        page(body="<div id='root'></div><script>render('" + "words " * 500 + "')</script>"),
        page(body="<nav><a href='/'>Home</a> <a href='/news'>News</a></nav>"),
        page(body="<p>Not found</p>"),
        "<div>" * 5000 + TEXT,
    ],
)
def test_a_page_without_an_article_is_empty(nothing: str) -> None:
    """Pages that scripts fill, and pages of links, have no text for us; the link is named."""
    error = problem(fetched(nothing))
    assert (error.problem, error.subject) == (Problem.EMPTY, LINK)


def test_scripts_and_styles_are_no_text() -> None:
    """What is run or drawn by a browser is neither read nor run here."""
    body = read(page(body=f"{TEXT}<script>alert('Boo')</script><style>p {{}}</style>")).body
    assert "Boo" not in body
    assert body.endswith("thirty years.")


def test_nothing_that_a_page_names_is_fetched() -> None:
    """Reading a page makes no other request than the one for the page."""
    head = (
        "<link rel='stylesheet' href='/style.css'><link rel='canonical' href='/other'>"
        "<script src='/run.js'></script><meta http-equiv='refresh' content='0; url=/other'>"
        "<base href='/base'>"
    )
    body = f"<img src='/a.png'><iframe src='/frame'></iframe><object data='/o'></object>{TEXT}"
    doctype = "<!DOCTYPE html SYSTEM '/dtd'>"
    with Site() as site, Fetcher("test", private_hosts=frozenset({site.host})) as fetcher:
        url = site.page("/news", doctype + page(head, body), packed=True)
        assert read_page(fetcher.fetch(url)).url == site.url("/other")
        assert [request.path for request in site.requests] == ["/news"]


def test_files_of_ours_are_not_read(tmp_path: Path) -> None:
    """An entity that names a file of this machine stays unread."""
    secret = tmp_path / "secret.txt"
    secret.write_text("The secret words are here for everybody to read, all of them.")
    xhtml = (
        f"<?xml version='1.0'?><!DOCTYPE html [<!ENTITY file SYSTEM '{secret.as_uri()}'>]>"
        f"<html xmlns='http://www.w3.org/1999/xhtml'><body><p>&file;</p>{TEXT}</body></html>"
    )
    assert "secret words" not in read_page(fetched(xhtml, "application/xhtml+xml")).body


def test_too_much_html_is_refused() -> None:
    """More than five million bytes are no article; reading them would take minutes."""
    error = problem(fetched("<html>" + " " * 5_000_000))
    assert (error.problem, error.detail) == (Problem.TOO_LARGE, "5000006 bytes")


@pytest.mark.parametrize(
    ("before", "content_type"),
    [
        (b"", "application/pdf"),
        (b"", "application/octet-stream"),
        (b"", "text/html"),
        (b"\n", ""),
    ],
)
def test_a_link_may_lead_to_a_pdf(before: bytes, content_type: str) -> None:
    """It is known by its content, whatever the server calls it."""
    draft = read_page(fetched(before + air_pdf(), content_type))
    assert draft.title == "Воздух в Бишкеке зимой"
    assert (draft.url, draft.publisher) == (LINK, "news.example")


def test_a_link_may_lead_to_a_word_file() -> None:
    """The same goes for Word."""
    draft = read_page(fetched(word(write_report), "application/msword"))
    assert (draft.title, draft.url) == ("Көлдүн суусу азайып жатат", LINK)


@pytest.mark.parametrize(
    ("content_type", "charset", "url"),
    [
        ("text/plain", "windows-1251", LINK),
        ("", None, "https://news.example/air.txt?version=2"),
        ("text/markdown", None, "https://news.example/%D0%B2%D0%BE%D0%B4%D0%B0.md"),
    ],
)
def test_a_link_may_lead_to_a_text(content_type: str, charset: str | None, url: str) -> None:
    """Plain text and Markdown are read as files of that name are."""
    text = "Воздух зимой\n\nЗимой воздух в городе бывает одним из самых грязных в мире."
    content = text.encode("cp1251")
    draft = read_page(fetched(content, content_type, charset, url))
    assert (draft.title, draft.url) == ("Воздух зимой", url)
    assert draft.body == "Зимой воздух в городе бывает одним из самых грязных в мире."


def test_a_page_without_a_content_type_is_known_by_its_beginning() -> None:
    """Servers forget to say what they send."""
    for content_type in ("", "text/plain", "application/octet-stream", "application/xml"):
        draft = read_page(fetched(RUSSIAN, content_type))
        assert draft.title == "В Бишкеке открыли станцию сортировки"


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (b'{"title": "Some words"}', "application/json"),
        (b"<?xml version='1.0'?><rss><channel/></rss>", "application/rss+xml"),
        (b"body { color: red }", "text/css"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "image/png"),
        (b"\x00\x00\x00\x18ftypmp42", "video/mp4"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "application/octet-stream"),
    ],
)
def test_other_kinds_are_refused(content: bytes, content_type: str) -> None:
    """What is no text for people is not made one; the message names the link."""
    error = problem(fetched(content, content_type))
    assert (error.problem, error.subject) == (Problem.NOT_READABLE, LINK)


def test_a_faulty_document_is_named_by_its_link() -> None:
    """People know the link, not the name of what was behind it."""
    assert str(problem(fetched(b"%PDF-1.7", "application/pdf"))).startswith(f"{LINK} is damaged;")
