"""Answer -> what a person sees in a terminal, or what comes out of a pipe."""

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.style import Style
from rich.text import Text

from bot.answering import Answer, Outcome, verify
from bot.cards import imprint, marks_of_a_cut, opening_lines, source_line, view_of
from bot.localization import say
from knowledge.article import Article


def terminal_card(answer: Answer, *, framed: bool = True) -> RenderableType:
    """The best quote, or why there is none; the frame is for a terminal, in a pipe it disturbs.

    Without the frame a line is one paragraph, so that what is in it can be searched for.

    Raises:
        QuoteError: if the quote isn't what the article says; then nothing may be shown.
    """
    if not answer.quotes:
        return Group(Text(say(answer.language, answer.outcome)), *_article_lines(answer))
    quote, view = answer.quotes[0], view_of(answer)
    verify(quote)
    words = Text(quote.text)
    words.stylize("bold", quote.highlight.start - quote.start, quote.highlight.end - quote.start)
    above, after = marks_of_a_cut(quote)
    return Group(
        *map(Text, opening_lines(view)),
        *([Text(above)] if above else []),
        Panel(words) if framed else words,
        *([Text(after)] if after else []),
        *_source_lines(quote.article, source_line(quote.article, view)),
    )


def _article_lines(answer: Answer) -> list[Text]:
    lines = []
    if answer.articles and answer.outcome is Outcome.NOT_FOUND:
        lines += [Text(), Text(say(answer.language, "related"))]
    for article in answer.articles:
        lines += _source_lines(article, " · ".join(imprint(article, answer.language)))
    return lines


def _source_lines(article: Article, source: str) -> list[Text]:
    lines = [
        Text(article.title, style=Style(link=article.url)),
        # A link that is folded over two lines can't be clicked or copied.
        Text(article.url, style="blue", no_wrap=True, overflow="ignore"),
    ]
    return [*lines, Text(source, style="dim")] if source else lines
