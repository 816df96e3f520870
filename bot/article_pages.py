"""What the bot knows, to browse: the list of all articles, and each article from end to end."""

from collections.abc import Iterable, Sequence

from telegram import InlineKeyboardButton, Message, User
from telegram.constants import MessageEntityType, MessageLimit

from bot.answering import verify
from bot.article_buttons import ArticleButton, AskAbout, OpenArticle, OpenList
from bot.cards import CUT, imprint, share_button, shortened, shortened_line
from bot.formatting import Card, FormattedText
from bot.links import article_link, read_payload
from bot.localization import say
from bot.places import article_reference, opening_of
from embeddings.retriever import ArticleList, ArticlePage
from knowledge.article import Article
from knowledge.passages import Passage

LISTED = 8
"""Articles on a page of the list."""
LATEST = 3
"""Articles that /latest shows."""

# In characters. Eight of this length, of emoji alone, fit into a message with all that they need.
_MAX_LISTED_TITLE = 120
_MAX_TITLE = 300
# In UTF-16 units.
_LONGEST_OPENING = 300
_BUTTONS_IN_A_ROW = 4
# Stands for what is put into a text later; nobody writes it.
_GAP = "\0"
_TELEGRAM = "https://t.me/"


def list_card(listed: ArticleList, language: str) -> Card:
    """A page of the list of all articles, with a button to each of them."""
    if not listed.articles:
        return Card(say(language, "articles-none"))
    shown = len(listed.articles)
    draft = FormattedText(
        say(
            language,
            "articles-page",
            shown=shown,
            first=listed.before + 1,
            last=listed.before + shown,
            total=listed.total,
        ),
    )
    for number, article in enumerate(listed.articles, listed.before + 1):
        draft.add(f"\n\n{number}. ")
        _add_source(draft, article, language, _MAX_LISTED_TITLE)
    numbers = _numbers(listed.articles, language, listed.before + 1)
    return draft.card(
        *(numbers[at : at + _BUTTONS_IN_A_ROW] for at in range(0, shown, _BUTTONS_IN_A_ROW)),
        _neighbours(
            language,
            OpenList(language, listed.page - 1) if listed.page > 1 else None,
            OpenList(language, listed.page + 1) if listed.before + shown < listed.total else None,
        ),
    )


def article_card(opened: ArticlePage, language: str, bot: str) -> Card:
    """One passage of an article, with buttons to those before and after it.

    Args:
        opened: The passage.
        language: The language to say the rest in.
        bot: The bot's name without the @, for a link that opens the article there.

    Raises:
        QuoteError: if the passage isn't what the article says; then nothing may be sent.
    """
    article = opened.passage.article
    reference = article_reference(article)
    number, total = opened.number, opened.total
    below = say(language, "article-page", number=number, total=total) if total > 1 else ""
    draft = FormattedText()
    _add_source(draft, article, language, _MAX_TITLE)
    # No character has more than two UTF-16 units.
    room = MessageLimit.MAX_TEXT_LENGTH - 2 * len(f"{draft.text}\n\n{CUT}\n{below}")
    _add_quote(draft, opened.passage, room)
    draft.add(f"\n{below}" if below else "")
    return draft.card(
        _neighbours(
            language,
            OpenArticle(language, reference, number - 1) if number > 1 else None,
            OpenArticle(language, reference, number + 1) if number < total else None,
        ),
        [
            _button(say(language, "button-ask-about"), AskAbout(language, reference)),
            share_button(
                language,
                article_link(bot, reference),
                shortened_line(article.title, _MAX_LISTED_TITLE),
            ),
        ],
        [_to_list(language, opened.before // LISTED + 1)],
    )


def latest_card(openings: Sequence[Passage], language: str) -> Card:
    """The newest articles with their first sentences.

    Args:
        openings: The first passage of each article.
        language: The language to say the rest in.

    Raises:
        QuoteError: if a passage isn't what its article says; then nothing may be sent.
    """
    if not openings:
        return Card(say(language, "articles-none"))
    draft = FormattedText(say(language, "articles"))
    for number, passage in enumerate(openings, 1):
        draft.add(f"\n\n{number}. ")
        _add_source(draft, passage.article, language, _MAX_LISTED_TITLE)
        _add_quote(draft, passage, _LONGEST_OPENING)
    articles = [passage.article for passage in openings]
    return draft.card(_numbers(articles, language), [_to_list(language)])


def prompt_card(article: Article, language: str, bot: str) -> Card:
    """The message that a question about one article is to be written in reply to.

    Its title is a link into the bot, by which `asked_about` knows later what the reply is about.

    Args:
        article: What the question will be about.
        language: The language to ask in.
        bot: The bot's name without the @.
    """
    title = shortened_line(article.title, _MAX_LISTED_TITLE)
    before, _, after = say(language, "ask-about-prompt", title=_GAP).partition(_GAP)
    draft = FormattedText(before)
    draft.add(title, url=article_link(bot, article_reference(article)))
    draft.add(after)
    return draft.card()


def asked_about(message: Message, bot: User) -> str | None:
    """The article that a message asks about by replying to our `prompt_card`.

    It comes as a reference, see `places.article_reference`; None if the message is no such reply.
    """
    prompt = message.reply_to_message
    if prompt is None or prompt.from_user is None or prompt.from_user.id != bot.id:
        return None
    for entity in prompt.entities:
        page, _, payload = (entity.url or "").partition("?start=")
        opened = read_payload(payload)
        if page.startswith(_TELEGRAM) and isinstance(opened, str):
            return opened
    return None


def _add_source(draft: FormattedText, article: Article, language: str, max_title: int) -> None:
    """Add the linked title, and below it who published the article and when."""
    draft.add(shortened_line(article.title, max_title), url=article.url)
    if source := " · ".join(imprint(article, language)):
        draft.add(f"\n{source}")


def _add_quote(draft: FormattedText, passage: Passage, limit: int) -> None:
    """Add the beginning of a passage below that, as many sentences as fit.

    Args:
        draft: What to add it to.
        passage: What to quote.
        limit: In UTF-16 units.

    Raises:
        QuoteError: if the quote isn't what the article says; then nothing may be sent.
    """
    quote = shortened(opening_of(passage).whole(), limit)
    verify(quote)
    draft.add("\n")
    draft.add(quote.text, MessageEntityType.BLOCKQUOTE)
    if quote.trimmed:
        draft.add(f"\n{CUT}")


def _numbers(
    articles: Iterable[Article], language: str, first: int = 1
) -> list[InlineKeyboardButton]:
    """Buttons that open articles, by their numbers on the card."""
    return [
        _button(str(number), OpenArticle(language, article_reference(article)))
        for number, article in enumerate(articles, first)
    ]


def _neighbours(
    language: str, previous: ArticleButton | None, following: ArticleButton | None
) -> list[InlineKeyboardButton]:
    buttons = []
    if previous:
        buttons.append(_button(say(language, "button-previous"), previous))
    if following:
        buttons.append(_button(say(language, "button-next"), following))
    return buttons


def _to_list(language: str, page: int = 1) -> InlineKeyboardButton:
    return _button(say(language, "button-all-articles"), OpenList(language, page))


def _button(text: str, leads_to: ArticleButton) -> InlineKeyboardButton:
    return InlineKeyboardButton(text, callback_data=leads_to.data)
