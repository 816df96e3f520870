"""A conversation as Markdown, to be read as it was shown."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from chat_record import Event, Joined, Pressed, Said, Told
from conversation import Message
from message_blocks import Block, Run, blocks_of

_MARKUP = re.compile(r"([\\`*_{}\[\]<>|~&])")
# At the beginning of a line these make a list, a heading or a rule.
_LEADING = re.compile(r"([#+=-])|(\d+)([.)])")


@dataclass(frozen=True, slots=True)
class _Words:
    """What stands between the messages, for readers of one language."""

    edited: str
    same_message: str
    pressed: str
    told: str
    joined: str
    forwarded: str
    picture: str
    file: str


_WORDS = {
    "en": _Words(
        edited="edited",
        same_message="the same message",
        pressed="{who} presses “{label}”.",
        told="On the screen: “{text}”",
        joined="{who} adds {bot} to the group.",
        forwarded="forwarded from {whom}",
        picture="a picture",
        file="the file {name}",
    ),
    "ru": _Words(
        edited="изменено",
        same_message="то же сообщение",
        pressed="{who} нажимает «{label}».",
        told="На экране: «{text}»",
        joined="{who} добавляет {bot} в группу.",
        forwarded="переслано от {whom}",
        picture="картинка",
        file="файл {name}",
    ),
    "kk": _Words(
        edited="өзгертілді",
        same_message="сол хабарлама",
        pressed="{who} «{label}» батырмасын басады.",
        told="Экранда: «{text}»",
        joined="{who} топқа {bot} ботын қосады.",
        forwarded="{whom} жазғанынан",
        picture="сурет",
        file="{name} файлы",
    ),
    "ky": _Words(
        edited="өзгөртүлдү",
        same_message="ошол эле билдирүү",
        pressed="{who} «{label}» баскычын басат.",
        told="Экранда: «{text}»",
        joined="{who} топко {bot} ботун кошот.",
        forwarded="{whom} жазганынан",
        picture="сүрөт",
        file="{name} файлы",
    ),
}


def transcript(events: Sequence[Event], language: str) -> str:
    """The Markdown of a conversation, without a heading."""
    words = _WORDS[language]
    parts = []
    shown: dict[int, Message] = {}
    for event in events:
        match event:
            case Said(message):
                parts.append(_message(event, shown.get(message["message_id"]), words))
                shown[message["message_id"]] = message
            case Pressed(who, label):
                parts.append(f"*{escaped(words.pressed.format(who=who, label=label))}*")
            case Told(text):
                parts.append(f"*{escaped(words.told.format(text=text))}*")
            case Joined(who, bot):
                parts.append(f"*{escaped(words.joined.format(who=who, bot=bot))}*")
    return "\n\n".join(parts) + "\n"


def escaped(text: str) -> str:
    """Plain text of which nothing acts as markup, unless at the beginning of a line."""
    return _MARKUP.sub(r"\\\1", text)


def _message(said: Said, before: Message | None, words: _Words) -> str:
    """A message; of one that only got other buttons, the buttons alone."""
    message = said.message
    head = f"**{escaped(message['from']['first_name'])}**"
    if said.edited:
        head += f" ({words.same_message if message['from']['is_bot'] else words.edited})"
    elif "forward_origin" in message:
        whom = _first_author(message["forward_origin"])
        head += f" ({escaped(words.forwarded.format(whom=whom))})"
    elif "reply_to_message" in message and message["chat"]["type"] != "private":
        head += f" → {escaped(message['reply_to_message']['from']['first_name'])}"
    head += ":"
    if media := _media(message, words):
        head += f" *{escaped(media)}*"
    blocks = [] if before and _said(before) == _said(message) else blocks_of(message)
    parts = [_block(block) for block in blocks]
    if blocks and not blocks[0].quoted and not media:
        head += f" {parts.pop(0)}"
    return "\n\n".join([head, *parts, *_keyboard(message)])


def _said(message: Message) -> str:
    return str(message.get("text") or message.get("caption") or "")


def _first_author(origin: Message) -> str:
    """Who wrote a message that somebody forwards; a channel by its title."""
    match origin["type"]:
        case "channel":
            return str(origin["chat"]["title"])
        case "chat":
            return str(origin["sender_chat"]["title"])
        case "user":
            return str(origin["sender_user"]["first_name"])
    return str(origin["sender_user_name"])


def _media(message: Message, words: _Words) -> str:
    """What stands above the text of a message that has more than text."""
    if "photo" in message:
        return words.picture
    if "document" in message:
        return words.file.format(name=message["document"]["file_name"])
    return ""


def _block(block: Block) -> str:
    lines = [_line(line) for line in block.lines]
    # A backslash at its end breaks a line; an empty line begins a paragraph.
    broken = [
        f"{line}\\" if line and following else line
        for line, following in zip(lines, [*lines[1:], ""], strict=True)
    ]
    return "\n".join(f"> {line}".rstrip() if block.quoted else line for line in broken)


def _line(runs: Sequence[Run]) -> str:
    line = "".join(map(_run, runs)).strip()
    if match := _LEADING.match(line):
        mark, number, dot = match.groups()
        line = (f"\\{mark}" if mark else f"{number}\\{dot}") + line[match.end() :]
    return line


def _run(run: Run) -> str:
    if run.link == run.text:
        return f"<{run.text}>"
    text = escaped(run.text)
    if run.bold and text.strip():
        # Stars next to a space are stars.
        text = text.replace(text.strip(), f"**{text.strip()}**")
    return f"[{text}]({_target(run.link)})" if run.link else text


def _target(url: str) -> str:
    """A link for brackets; a text fragment's characters are percent-encoded anyway."""
    for mark in "()<>\\":
        url = url.replace(mark, f"%{ord(mark):02X}")
    return url


def _keyboard(message: Message) -> list[str]:
    rows = message.get("reply_markup", {}).get("inline_keyboard", [])
    return [" ".join(f"`{button['text']}`" for button in row) for row in rows]
