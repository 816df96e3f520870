"""Drafts and changes of articles -> what admins see of them in Telegram."""

from collections.abc import Sequence
from dataclasses import dataclass

from telegram import InlineKeyboardButton
from telegram.constants import MessageEntityType

from bot.cards import CUT, imprint, shortened_line
from bot.drafts.buttons import (
    ArticlePress,
    AskOnArticle,
    AskOnDraft,
    ChangeButton,
    DraftButton,
    DraftPress,
    OnArticle,
    OnDraft,
    OpenChoice,
    OpenDrafts,
    Undo,
    article_key,
    prompt_link,
)
from bot.drafts.details import Detail
from bot.drafts.waiting import WaitingDraft
from bot.formatting import Card, FormattedText
from bot.localization import language_name, say, written_date
from embeddings.retriever import ArticleList
from knowledge.article import Article
from knowledge.changes import Change

LISTED = 8
"""Articles to choose from on a page."""

# In characters.
_MAX_TITLE = 300
_MAX_NAME = 100
_MAX_LINK = 500
_MAX_ON_BUTTON = 60
_BEGINNING = 300
_MAX_REASON = 1_000
# Stands for what is put into a text later; nobody writes it.
_GAP = "\0"


@dataclass(frozen=True, slots=True)
class DraftView:
    """A draft with all that its card tells."""

    waiting: WaitingDraft
    passages: int | None
    """None if it is too long to be counted in a moment."""
    same_link: Article | None
    """The article with the same link, in whose place it will be put."""
    number: int = 0
    """Which of the drafts that wait, from 1; 0 if it is looked at by itself."""
    total: int = 0


def draft_card(view: DraftView, language: str) -> Card:
    """What was understood of an article, with buttons to save, correct or discard it."""
    draft = view.waiting.draft
    if view.total > 1:
        text = say(language, "draft-number", number=view.number, total=view.total)
    else:
        text = say(language, "draft-new")
    card = FormattedText(f"{text}\n\n")
    title = shortened_line(draft.title, _MAX_TITLE) if draft.title else say(language, "no-title")
    card.add(title, MessageEntityType.BOLD)
    about = [
        shortened_line(draft.publisher, _MAX_NAME) if draft.publisher else "",
        written_date(draft.published, language) if draft.published else "",
        language_name(draft.language, language),
        say(language, "draft-words", words=len(draft.body.split())),
        say(language, "draft-passages", passages=view.passages) if view.passages else "",
    ]
    card.add(f"\n{' · '.join(filter(None, about))}\n")
    if draft.url:
        card.add(shortened_line(draft.url, _MAX_LINK), url=draft.url)
        card.add("\n")
    card.add(_beginning(draft.body), MessageEntityType.BLOCKQUOTE)
    for warning in _warnings(view, language):
        card.add(f"\n{warning}")

    def ask(detail: Detail) -> InlineKeyboardButton:
        return _button(
            say(language, f"button-{detail}"), AskOnDraft(language, view.waiting.id, detail)
        )

    def press(key: str, press: DraftPress) -> InlineKeyboardButton:
        return _button(say(language, key), OnDraft(press, language, view.waiting.id))

    return card.card(
        [press("button-replace" if view.same_link else "button-save", DraftPress.SAVE)],
        [ask(Detail.TITLE), ask(Detail.DATE), ask(Detail.LINK)],
        [press("button-discard", DraftPress.DISCARD)],
        _neighbours(
            language,
            OpenDrafts(language, view.number - 1) if view.number > 1 else None,
            OpenDrafts(language, view.number + 1) if view.number < view.total else None,
        ),
    )


def prompt_card(
    about: AskOnDraft | AskOnArticle, title: str | None, bot: str, *, again: bool = False
) -> Card:
    """The message that a detail is to be written in reply to.

    The title is a link, by which `buttons.replied_prompt` knows what the reply is about.

    Args:
        about: What is asked for, in its language.
        title: The draft's or article's title.
        bot: The bot's name without the @.
        again: Whether the last reply was not understood.
    """
    language = about.language
    title = shortened_line(title, _MAX_NAME) if title else say(language, "no-title")
    before, _, after = say(language, f"ask-{about.detail}", title=_GAP).partition(_GAP)
    card = FormattedText(f"{say(language, 'detail-not-understood')}\n\n" if again else "")
    card.add(before)
    card.add(title, url=prompt_link(bot, about))
    card.add(after)
    return card.card()


def edit_card(article: Article, language: str) -> Card:
    """An article with buttons for what can be changed."""
    card = FormattedText(f"{say(language, 'edit-what')}\n\n")
    _add_article(card, article, language)
    key = article_key(article.slug)
    buttons = [
        _button(say(language, f"button-{detail}"), AskOnArticle(language, key, detail))
        for detail in Detail
    ]
    return card.card(buttons[:2], buttons[2:])


def remove_card(article: Article, language: str) -> Card:
    """The question whether to remove an article."""
    card = FormattedText(f"{say(language, 'remove-ask')}\n\n")
    _add_article(card, article, language)
    press = OnArticle(ArticlePress.REMOVED, language, article_key(article.slug))
    return card.card(
        [_button(say(language, "button-remove"), press)],
        [_button(say(language, "button-keep"), OpenChoice(language, ArticlePress.REMOVE, 1))],
    )


def choice_card(listed: ArticleList, press: ArticlePress, language: str) -> Card:
    """A page of the newest articles, each a button."""
    if not listed.articles:
        return Card(say(language, "articles-none"))
    more = listed.before + len(listed.articles) < listed.total
    return FormattedText(say(language, f"{press}-which")).card(
        *_choices(listed.articles, press, language),
        _neighbours(
            language,
            OpenChoice(language, press, listed.page - 1) if listed.page > 1 else None,
            OpenChoice(language, press, listed.page + 1) if more else None,
        ),
    )


def found_card(found: Sequence[Article], press: ArticlePress, language: str) -> Card:
    """The articles whose titles have some words, or that there are none; at most one page."""
    if not found:
        return Card(say(language, "articles-not-found"))
    text = say(language, f"{press}-which")
    if len(found) > LISTED:
        text = f"{text}\n{say(language, 'articles-too-many', shown=LISTED, total=len(found))}"
    return FormattedText(text).card(*_choices(found[:LISTED], press, language))


def discarded_card(waiting: WaitingDraft, note: str, language: str) -> Card:
    """What was discarded, with a button that brings it back.

    Args:
        waiting: The draft.
        note: What else there is to say; may be empty.
        language: The language to say it in.
    """
    title = shortened_line(waiting.draft.title or say(language, "no-title"), _MAX_TITLE)
    text = FormattedText(f"{say(language, 'draft-discarded', title=title)}\n{note}".rstrip())
    back = OnDraft(DraftPress.BRING_BACK, language, waiting.id)
    return text.card([_button(say(language, "button-undo"), back)])


def change_card(change: Change, language: str, note: str, *, undone: bool = False) -> Card:
    """What was changed, or undone, with a button that undoes it.

    Args:
        change: The change.
        language: The language to say it in.
        note: What has come of it.
        undone: Whether it was undone.
    """
    title = shortened_line(change.title, _MAX_TITLE)
    said = say(language, f"{'undone' if undone else 'change'}-{change.kind}", title=title)
    text = FormattedText(f"{said}\n{note}".rstrip())
    if undone:
        return text.card()
    return text.card([_button(say(language, "button-undo"), Undo(language, change.id))])


def failure(language: str, key: str, reason: object) -> Card:
    """Why something could not be done, in a text with a { $reason }."""
    return Card(say(language, key, reason=str(reason)[:_MAX_REASON]))


def _beginning(body: str) -> str:
    """The first lines of a text, at most two paragraphs."""
    beginning = "\n".join(body.split("\n\n")[:2])
    if len(beginning) <= _BEGINNING:
        return beginning if beginning == body else f"{beginning} {CUT}"
    return beginning[:_BEGINNING].rsplit(maxsplit=1)[0] + CUT


def _warnings(view: DraftView, language: str) -> list[str]:
    draft = view.waiting.draft
    warnings = []
    if source := view.waiting.origin.source:
        warnings.append(say(language, "draft-from-source", name=shortened_line(source, _MAX_NAME)))
    if not draft.title:
        warnings.append(say(language, "draft-no-title"))
    if not draft.url:
        warnings.append(say(language, "draft-no-url"))
    if not draft.published:
        warnings.append(say(language, "draft-no-date"))
    if view.same_link:
        title = shortened_line(view.same_link.title, _MAX_NAME)
        warnings.append(say(language, "draft-same-link", title=title))
    elif same_text := view.waiting.same_text:
        title = shortened_line(same_text, _MAX_NAME)
        warnings.append(say(language, "draft-same-text", title=title))
    return warnings


def _add_article(card: FormattedText, article: Article, language: str) -> None:
    card.add(shortened_line(article.title, _MAX_TITLE), url=article.url)
    if source := " · ".join(imprint(article, language)):
        card.add(f"\n{source}")
    card.add(f"\n{shortened_line(article.url, _MAX_LINK)}")


def _choices(
    articles: Sequence[Article], press: ArticlePress, language: str
) -> list[list[InlineKeyboardButton]]:
    return [
        [
            _button(
                shortened_line(article.title, _MAX_ON_BUTTON),
                OnArticle(press, language, article_key(article.slug)),
            )
        ]
        for article in articles
    ]


def _neighbours(
    language: str,
    previous: DraftButton | ChangeButton | None,
    following: DraftButton | ChangeButton | None,
) -> list[InlineKeyboardButton]:
    buttons = []
    if previous:
        buttons.append(_button(say(language, "button-previous"), previous))
    if following:
        buttons.append(_button(say(language, "button-next"), following))
    return buttons


def _button(text: str, does: DraftButton | ChangeButton) -> InlineKeyboardButton:
    return InlineKeyboardButton(text, callback_data=does.data)
