"""What the Bot API demands of a request, as pure functions: parameters, texts, entities, buttons.

Every function raises `RefusalError` with the words that Telegram uses where these are known. Where
Telegram only drops the faulty part in silence (an unknown parameter, a bad entity), these rules
refuse it as well: a bot under test shall hear of its mistake.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any
from urllib.parse import SplitResult, parse_qs, urlsplit

Json = dict[str, Any]

TEXT_LIMIT = 4096
CAPTION_LIMIT = 1024
ENTITY_LIMIT = 100
QUOTE_LIMIT = 1024
COMMAND_LIMIT = 100
INLINE_RESULT_LIMIT = 50
INLINE_QUERY_LIMIT = 256
PLACEHOLDER_LIMIT = 64
# Found out by others: Telegram has never written these two down.
ENTITIES_BYTES = 9000
MARKUP_BYTES = 9000
BUTTON_LIMIT = 100
BUTTONS_IN_ROW_LIMIT = 8
CALLBACK_DATA_BYTES = 64

_UPDATE_TYPES = (
    "message edited_message channel_post edited_channel_post inline_query chosen_inline_result "
    "callback_query shipping_query pre_checkout_query poll poll_answer my_chat_member chat_member "
    "chat_join_request chat_boost removed_chat_boost message_reaction message_reaction_count "
    "business_connection business_message edited_business_message deleted_business_messages "
    "purchased_paid_media managed_bot guest_message"
)
UPDATE_TYPES = frozenset(_UPDATE_TYPES.split())
_CHAT_ACTIONS = (
    "typing upload_photo record_video upload_video record_voice upload_voice upload_document "
    "choose_sticker find_location record_video_note upload_video_note"
)
CHAT_ACTIONS = frozenset(_CHAT_ACTIONS.split())


@dataclass
class RefusalError(Exception):
    """The request breaks a rule; `parameters` are Telegram's ResponseParameters."""

    status: int
    description: str
    parameters: Json = field(default_factory=dict)


def bad_request(description: str) -> RefusalError:
    """The refusal for nearly everything: 400 with Telegram's usual prefix."""
    return RefusalError(400, f"Bad Request: {description}")


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that came as multipart form data."""

    file_name: str
    content: bytes
    mime_type: str = "application/octet-stream"


class Kind(Enum):
    """The type of a parameter; a name has the same one in every method that takes it."""

    BOOLEAN = auto()
    CHAT = auto()
    FILE = auto()
    INTEGER = auto()
    LIST = auto()
    OBJECT = auto()
    STRING = auto()


_NAMES_BY_KIND = {
    Kind.BOOLEAN: "disable_notification protect_content drop_pending_updates show_alert is_big "
    "is_personal has_spoiler show_caption_above_media disable_content_type_detection",
    Kind.CHAT: "chat_id",
    Kind.FILE: "photo document thumbnail certificate",
    Kind.INTEGER: "message_id message_thread_id user_id offset limit timeout cache_time "
    "max_connections",
    Kind.LIST: "entities caption_entities allowed_updates commands results reaction",
    Kind.OBJECT: "link_preview_options reply_parameters reply_markup scope menu_button button "
    "result",
}
_KINDS = {name: kind for kind, names in _NAMES_BY_KIND.items() for name in names.split()}

_ADDRESS = "chat_id* message_thread_id disable_notification protect_content reply_parameters"
_CAPTION = "caption parse_mode caption_entities reply_markup"
# Required parameters carry a star. Parameters of business accounts, paid broadcasts, message
# effects, suggested posts and channels' direct messages are left out, so they are refused.
_PARAMETERS = {
    "getMe": "",
    "logOut": "",
    "close": "",
    "getUpdates": "offset limit timeout allowed_updates",
    "setWebhook": "url* certificate ip_address max_connections allowed_updates "
    "drop_pending_updates secret_token",
    "deleteWebhook": "drop_pending_updates",
    "getWebhookInfo": "",
    "sendMessage": f"{_ADDRESS} text* parse_mode entities link_preview_options reply_markup",
    "sendPhoto": f"{_ADDRESS} photo* {_CAPTION} show_caption_above_media has_spoiler",
    "sendDocument": f"{_ADDRESS} document* {_CAPTION} thumbnail disable_content_type_detection",
    "editMessageText": "chat_id message_id inline_message_id text* parse_mode entities "
    "link_preview_options reply_markup",
    "editMessageCaption": "chat_id message_id inline_message_id caption parse_mode "
    "caption_entities reply_markup show_caption_above_media",
    "editMessageReplyMarkup": "chat_id message_id inline_message_id reply_markup",
    "deleteMessage": "chat_id* message_id*",
    "setMessageReaction": "chat_id* message_id* reaction is_big",
    "sendChatAction": "chat_id* message_thread_id action*",
    "answerCallbackQuery": "callback_query_id* text show_alert url cache_time",
    "answerInlineQuery": "inline_query_id* results* cache_time is_personal next_offset button",
    "answerGuestQuery": "guest_query_id* result*",
    "getChat": "chat_id*",
    "getChatMember": "chat_id* user_id*",
    "leaveChat": "chat_id*",
    "getFile": "file_id*",
    "setMyCommands": "commands* scope language_code",
    "getMyCommands": "scope language_code",
    "deleteMyCommands": "scope language_code",
    "setMyName": "name language_code",
    "setMyDescription": "description language_code",
    "setMyShortDescription": "short_description language_code",
    "getMyName": "language_code",
    "getMyDescription": "language_code",
    "getMyShortDescription": "language_code",
    "setChatMenuButton": "chat_id menu_button",
}
PARAMETERS: dict[str, frozenset[str]] = {
    method: frozenset(names.replace("*", "").split()) for method, names in _PARAMETERS.items()
}
_REQUIRED = {
    method: tuple(name[:-1] for name in names.split() if name.endswith("*"))
    for method, names in _PARAMETERS.items()
}


def read_parameters(method: str, raw: Mapping[str, object]) -> Json:
    """The parameters with their values decoded; `raw` is form data (strings) or a JSON object.

    A file that a parameter names as attach://name, which is form data as well, takes its place.

    Raises:
        RefusalError: 404 for an unknown method; 400 for an unknown parameter, a missing one, or
            one of a wrong type.
    """
    if method not in PARAMETERS:
        raise RefusalError(404, "Not Found")
    raw = _with_attached_files(raw)
    for name in raw:
        if name not in PARAMETERS[method]:
            raise bad_request(f"{method} takes no parameter {name!r} here")
    for name in _REQUIRED[method]:
        if name not in raw:
            raise bad_request(f"parameter {name!r} is required")
    return {name: _decode(name, value) for name, value in raw.items()}


def _with_attached_files(raw: Mapping[str, object]) -> Mapping[str, object]:
    """The parameters, each file under its own parameter; one that nothing names stays."""
    places = {
        name: value.removeprefix("attach://")
        for name, value in raw.items()
        if _KINDS.get(name) is Kind.FILE
        and isinstance(value, str)
        and value.startswith("attach://")
    }
    found = {name: raw[place] for name, place in places.items() if place in raw}
    kept = {name: value for name, value in raw.items() if name not in places.values()}
    return kept | found


def _decode(name: str, value: object) -> object:
    kind = _KINDS.get(name, Kind.STRING)
    decoded = value
    if isinstance(value, str) and kind in {Kind.BOOLEAN, Kind.INTEGER, Kind.LIST, Kind.OBJECT}:
        try:
            decoded = json.loads(value)
        except ValueError:
            raise bad_request(f"parameter {name!r} is not valid JSON: {value[:50]!r}") from None
    elif isinstance(value, str) and kind is Kind.CHAT and not value.startswith("@"):
        if not re.fullmatch(r"-?\d+", value):
            raise bad_request("chat not found")
        decoded = int(value)
    types: dict[Kind, tuple[type, ...]] = {
        Kind.BOOLEAN: (bool,),
        Kind.CHAT: (int, str),
        Kind.FILE: (Upload, str),
        Kind.INTEGER: (int,),
        Kind.LIST: (list,),
        Kind.OBJECT: (dict,),
        Kind.STRING: (str,),
    }
    # bool is a kind of int for Python, but not for Telegram.
    is_stray_bool = isinstance(decoded, bool) and kind is not Kind.BOOLEAN
    if is_stray_bool or not isinstance(decoded, types[kind]):
        wanted = kind.name.lower()
        raise bad_request(f"parameter {name!r} must be of type {wanted}, not {value!r:.50}")
    return decoded


def check_fields(what: str, value: object, fields: Mapping[str, type | tuple[type, ...]]) -> Json:
    """`value` if it is an object with these fields only, each of its type; none is required."""
    if not isinstance(value, dict):
        raise bad_request(f"{what} must be an object, not {value!r:.50}")
    for name, item in value.items():
        if name not in fields:
            raise bad_request(f"{what} has an unknown field {name!r}")
        if not isinstance(item, fields[name]) or (
            isinstance(item, bool) and fields[name] is not bool
        ):
            raise bad_request(f"{what} has a field {name!r} of a wrong type: {item!r:.50}")
    return value


def utf16_length(text: str) -> int:
    """The length that Telegram counts: code units of UTF-16, so an emoji counts as two."""
    return len(text.encode("utf-16-le", errors="surrogatepass")) // 2


def check_text(params: Json, name: str, limit: int) -> tuple[str, list[Json]]:
    """The text as Telegram keeps it: trimmed, its entities shifted along and completed.

    Args:
        params: a request's parameters, or an InputTextMessageContent.
        name: "text", "caption" or "message_text".
        limit: UTF-16 units; also tells a message's text (which must not be empty) from a caption.
    """
    if "parse_mode" in params:
        raise bad_request("parse_mode is not taken here: send plain text with entities")
    text = params.get(name, "")
    if not isinstance(text, str):
        raise bad_request(f"parameter {name!r} must be of type string")
    entities_name = "caption_entities" if name == "caption" else "entities"
    entities = check_entities(text, params.get(entities_name, []))
    if limit == TEXT_LIMIT and not text.strip():
        raise bad_request("message text is empty")
    text, entities = _trim(text, entities)
    if utf16_length(text) > limit:
        # The two wordings are Telegram's own.
        is_caption = name == "caption"
        raise bad_request("message caption is too long" if is_caption else "message is too long")
    return text, complete_entities(text, entities)


def text_content(params: Json, name: str = "text") -> Json:
    """A text with all that belongs to it, in the fields of a Message."""
    text, entities = check_text(params, name, TEXT_LIMIT)
    content: Json = {"text": text}
    if entities:
        content["entities"] = entities
    if "link_preview_options" in params:
        check_link_preview(params["link_preview_options"])
        content["link_preview_options"] = params["link_preview_options"]
    return content


def caption_content(params: Json) -> Json:
    """The caption of a photo or a document, in the fields of a Message."""
    caption, entities = check_text(params, "caption", CAPTION_LIMIT)
    content: Json = {"caption": caption} if caption else {}
    if entities:
        content["caption_entities"] = entities
    return content


def _trim(text: str, entities: Sequence[Json]) -> tuple[str, list[Json]]:
    """Telegram drops whitespace around a text; entities that lie in it only go as well."""
    shift = utf16_length(text) - utf16_length(text.lstrip())
    kept = text.strip()
    trimmed = []
    for entity in entities:
        start = max(entity["offset"] - shift, 0)
        end = min(entity["offset"] - shift + entity["length"], utf16_length(kept))
        if start < end:
            trimmed.append({**entity, "offset": start, "length": end - start})
    return kept, trimmed


_STYLES = frozenset(["bold", "italic", "underline", "strikethrough", "spoiler"])
_BLOCKQUOTES = frozenset(["blockquote", "expandable_blockquote"])
_CODES = frozenset(["code", "pre"])
# What Telegram finds by itself; a bot may name these as well, which does nothing.
_DETECTED = frozenset(
    ["mention", "hashtag", "cashtag", "bot_command", "url", "email", "phone_number"]
)
_ENTITY_FIELDS: dict[str, dict[str, type]] = {
    "text_link": {"url": str},
    "text_mention": {"user": dict},
    "pre": {"language": str},
    "custom_emoji": {"custom_emoji_id": str},
    "date_time": {"unix_time": int, "date_time_format": str},
}
_ENTITY_TYPES = _STYLES | _BLOCKQUOTES | _CODES | _DETECTED | _ENTITY_FIELDS.keys()


def check_entities(text: str, entities: object) -> list[Json]:
    """The entities if Telegram would honour every one of them in this text."""
    if not isinstance(entities, list):
        raise bad_request("entities must be a list")
    if len(entities) > ENTITY_LIMIT:
        raise bad_request(f"{len(entities)} entities, Telegram honours only {ENTITY_LIMIT}")
    boundaries = {0}
    position = 0
    for character in text:
        position += utf16_length(character)
        boundaries.add(position)
    for entity in entities:
        _check_entity(entity, boundaries, position)
    for one, other in _pairs(entities):
        _check_nesting(one, other)
    if sum(len(entity.get("url", "").encode()) for entity in entities) > ENTITIES_BYTES:
        raise bad_request("ENTITIES_TOO_LONG")
    return sorted(entities, key=lambda entity: (entity["offset"], -entity["length"]))


def _check_entity(entity: object, boundaries: set[int], text_length: int) -> None:
    type_ = entity.get("type") if isinstance(entity, dict) else None
    if not isinstance(type_, str) or type_ not in _ENTITY_TYPES:
        raise bad_request(f"entity of unknown type {type_!r}")
    fields = {"type": str, "offset": int, "length": int, **_ENTITY_FIELDS.get(type_, {})}
    checked = check_fields(f"entity {type_}", entity, fields)
    start, length = checked.get("offset", -1), checked.get("length", 0)
    where = f"entity {type_} at {start}+{length}"
    if length <= 0:
        raise bad_request(f"{where}: the length must be positive")
    if start < 0 or start + length > text_length:
        raise bad_request(f"{where} is outside the text of {text_length} UTF-16 units")
    if not {start, start + length} <= boundaries:
        raise bad_request(f"{where} begins or ends within a UTF-16 surrogate pair")
    if type_ == "text_link" and not is_link(checked.get("url", "")):
        raise bad_request(f"{where} has a wrong URL {checked.get('url')!r}")


def _pairs(entities: Sequence[Json]) -> Iterator[tuple[Json, Json]]:
    for index, one in enumerate(entities):
        for other in entities[index + 1 :]:
            yield one, other


def _span(entity: Json) -> tuple[int, int]:
    return entity["offset"], entity["offset"] + entity["length"]


def _overlap(one: Json, other: Json) -> bool:
    (start, end), (other_start, other_end) = _span(one), _span(other)
    return start < other_end and other_start < end


def _check_nesting(one: Json, other: Json) -> None:
    """The rules of https://core.telegram.org/bots/api#messageentity on entities within others."""
    if not _overlap(one, other):
        return
    types = {one["type"], other["type"]}
    pair = f"entities {one['type']} at {one['offset']} and {other['type']} at {other['offset']}"
    (start, end), (other_start, other_end) = _span(one), _span(other)
    one_in_other = other_start <= start and end <= other_end
    other_in_one = start <= other_start and other_end <= end
    if not (one_in_other or other_in_one):
        raise bad_request(f"{pair} overlap in part")
    if types <= _BLOCKQUOTES:
        raise bad_request(f"{pair}: blockquotes can't be nested")
    if types & _BLOCKQUOTES:
        return
    if types & _CODES or not types & _STYLES or len(types) == 1:
        raise bad_request(f"{pair} can't be nested")


def is_link(url: str) -> bool:
    """Whether Telegram takes the URL behind a text or a button: http, https or tg.

    Stricter than Telegram: whitespace is refused, which it would encode, and so are links to
    Telegram itself that open but do nothing (see `_leads_somewhere`).
    """
    if re.search(r"\s", url):
        return False
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    if parts.scheme == "tg":
        return bool(parts.netloc)
    if parts.scheme not in {"http", "https"} or port == 0 or "\\" in parts.netloc:
        return False
    return "." in (parts.hostname or "").strip(".") and _leads_somewhere(parts)


def _leads_somewhere(parts: SplitResult) -> bool:
    """False for a start link whose payload Telegram drops, a share link without a link to share.

    See https://core.telegram.org/api/links
    """
    if parts.hostname != "t.me":
        return True
    fields = parse_qs(parts.query, keep_blank_values=True)
    if parts.path == "/share/url":
        return all(map(is_link, fields.get("url", [""])))
    payloads = fields.get("start", []) + fields.get("startgroup", [])
    return all(re.fullmatch(r"[A-Za-z0-9_-]{0,64}", payload) for payload in payloads)


# The ends of host names that make a link without a scheme: all of two letters, and of the many
# others those that are met most.
_COUNTRIES = (
    "ac ad ae af ag ai al am ao aq ar as at au aw ax az ba bb bd be bf bg bh bi bj bm bn bo br bs "
    "bt bv bw by bz ca cc cd cf cg ch ci ck cl cm cn co cr cu cv cw cx cy cz de dj dk dm do dz ec "
    "ee eg er es et eu fi fj fk fm fo fr ga gb gd ge gf gg gh gi gl gm gn gp gq gr gs gt gu gw gy "
    "hk hm hn hr ht hu id ie il im in io iq ir is it je jm jo jp ke kg kh ki km kn kp kr kw ky kz "
    "la lb lc li lk lr ls lt lu lv ly ma mc md me mg mh mk ml mm mn mo mp mq mr ms mt mu mv mw mx "
    "my mz na nc ne nf ng ni nl no np nr nu nz om pa pe pf pg ph pk pl pm pn pr ps pt pw py qa re "
    "ro rs ru rw sa sb sc sd se sg sh si sj sk sl sm sn so sr ss st su sv sx sy sz tc td tf tg th "
    "tj tk tl tm tn to tr tt tv tw tz ua ug uk us uy uz va vc ve vg vi vn vu wf ws ye yt za zm zw"
)
_OTHERS = (
    "com org net info biz edu gov int mil name pro asia eco earth green energy foundation ngo "
    "news media online site website app dev blog press today world global center xyz club live "
    "life space page link wiki network international community zip mov рф бел укр қаз "
    "орг ком онлайн сайт"
)
_TOP_LEVEL_DOMAINS = frozenset(f"{_COUNTRIES} {_OTHERS}".split())

_DETECTORS = {
    "url": re.compile(
        r"(?:https?://(?:[\w.:-]+@)?[\w-]+(?:\.[\w-]+)+"
        r"|(?<![\w@/.#-])(?:[\w-]+\.)*[^\W_](?:[^\W_]|-(?!\.))*\.(?P<top>[^\W\d_]{2,})(?![\w@-]|\.\w))"
        r"(?::\d+)?(?:[/?#][^\s<>\"«»]*)?"
    ),
    "email": re.compile(r"(?<![\w.+@-])[A-Za-z0-9_.+-]+@[\w-]+(?:\.[\w-]+)*\.[A-Za-z]{2,}(?!\w)"),
    "mention": re.compile(r"(?<!\w)@(?:[A-Za-z0-9_]{4,32}|gif|pic|vid)(?!\w)"),
    "bot_command": re.compile(
        r"(?<![\w/<>])/[A-Za-z0-9_]{1,64}(?:@[A-Za-z0-9_]{3,32})?(?![\w/<>@])"
    ),
    "hashtag": re.compile(r"(?<!\w)#(?=\w*[^\W\d_])\w{1,256}(?!\w*#)(?!\w)"),
}


def detect_entities(text: str) -> list[Json]:
    """What Telegram marks by itself in a text, in order of offset.

    Covered: mentions, bot commands, hashtags, links with http(s):// and without ("green.kz", and
    therefore "article.md"), e-mail addresses. Left out: other schemes, addresses of numbers
    without a scheme, rare top-level domains (see `_OTHERS`; with a scheme each is taken for a
    good one), cashtags, phone numbers, bank cards, time stamps.
    """
    found: list[Json] = []
    for type_, pattern in _DETECTORS.items():
        for match in pattern.finditer(text):
            if type_ == "url" and not _is_top_level_domain(match["top"]):
                continue
            length = len(_without_closing_punctuation(match[0]) if type_ == "url" else match[0])
            piece = text[match.start() : match.start() + length]
            found.append(
                {
                    "type": type_,
                    "offset": utf16_length(text[: match.start()]),
                    "length": utf16_length(piece),
                }
            )
    found.sort(key=lambda entity: (entity["offset"], -entity["length"]))
    kept: list[Json] = []
    for entity in found:
        if not any(_overlap(entity, earlier) for earlier in kept):
            kept.append(entity)
    return kept


def _is_top_level_domain(top: str | None) -> bool:
    """True for none at all, of a link with a scheme. "end.In" ends a sentence without a space."""
    if top is None:
        return True
    return top.lower() in _TOP_LEVEL_DOMAINS and (top.islower() or top.isupper())


def _without_closing_punctuation(url: str) -> str:
    """A full stop after a link ends the sentence; a bracket opened in the link belongs to it."""
    while url and (
        url[-1] in ".,:;!?…'\u201d\u2019" or (url[-1] == ")" and url.count(")") > url.count("("))
    ):
        url = url[:-1]
    return url


def complete_entities(text: str, given: Sequence[Json]) -> list[Json]:
    """The given entities and those that Telegram finds: links and mentions in a bot's text too."""
    closed = [e for e in given if e["type"] not in _STYLES | _BLOCKQUOTES]
    found = [
        entity
        for entity in detect_entities(text)
        if not any(_overlap(entity, other) for other in closed)
        and all(_can_hold(other, entity) for other in given)
    ]
    return sorted([*given, *found], key=lambda entity: (entity["offset"], -entity["length"]))


def _can_hold(outer: Json, inner: Json) -> bool:
    (start, end), (inner_start, inner_end) = _span(outer), _span(inner)
    return not _overlap(outer, inner) or (start <= inner_start and inner_end <= end)


def check_link_preview(options: object) -> None:
    """LinkPreviewOptions; its URL need not occur in the text."""
    fields = {"is_disabled": bool, "url": str, "show_above_text": bool}
    sizes = {"prefer_small_media": bool, "prefer_large_media": bool}
    checked = check_fields("link_preview_options", options, {**fields, **sizes})
    if "url" in checked and not is_link(checked["url"]):
        raise bad_request(f"link_preview_options has a wrong URL {checked['url']!r}")
    if checked.get("prefer_small_media") and checked.get("prefer_large_media"):
        raise bad_request("link_preview_options prefers small and large media at once")


def check_reply(options: object) -> Json:
    """ReplyParameters on their own; whether the message exists is for the chat to say."""
    fields: dict[str, type | tuple[type, ...]] = {
        "message_id": int,
        "chat_id": (int, str),
        "allow_sending_without_reply": bool,
        "quote": str,
        "quote_entities": list,
        "quote_position": int,
    }
    checked = check_fields("reply_parameters", options, fields)
    if "message_id" not in checked:
        raise bad_request("reply_parameters need a message_id")
    if utf16_length(checked.get("quote", "")) > QUOTE_LIMIT:
        raise bad_request("QUOTE_TEXT_INVALID")
    check_entities(checked.get("quote", ""), checked.get("quote_entities", []))
    return checked


_BUTTON_ACTIONS: dict[str, type] = {
    "url": str,
    "callback_data": str,
    "web_app": dict,
    "login_url": dict,
    "switch_inline_query": str,
    "switch_inline_query_current_chat": str,
    "switch_inline_query_chosen_chat": dict,
    "copy_text": dict,
}
_BUTTON_LOOKS: dict[str, type] = {"text": str, "style": str, "icon_custom_emoji_id": str}
_KEYBOARD_ACTIONS: dict[str, type] = {
    "request_contact": bool,
    "request_location": bool,
    "request_poll": dict,
    "request_users": dict,
    "request_chat": dict,
    "web_app": dict,
}
_KEYBOARD_FIELDS = {
    "keyboard": list,
    "is_persistent": bool,
    "resize_keyboard": bool,
    "one_time_keyboard": bool,
    "input_field_placeholder": str,
    "selective": bool,
}
_OTHER_MARKUPS: dict[str, dict[str, type]] = {
    "remove_keyboard": {"remove_keyboard": bool, "selective": bool},
    "force_reply": {"force_reply": bool, "input_field_placeholder": str, "selective": bool},
}


def check_markup(markup: object, *, inline_only: bool = False) -> Json | None:
    """The inline keyboard that stays with the message; None for the other kinds of markup."""
    if markup is None:
        return None
    if isinstance(markup, dict) and "inline_keyboard" in markup:
        check_fields("inline keyboard", markup, {"inline_keyboard": list})
        for button in _buttons(markup["inline_keyboard"]):
            _check_inline_button(button)
        if len(json.dumps(markup, ensure_ascii=False).encode()) > MARKUP_BYTES:
            raise bad_request("reply markup is too long")
        return markup if markup["inline_keyboard"] else None
    if inline_only or not isinstance(markup, dict):
        raise bad_request("inline keyboard expected")
    if "keyboard" in markup:
        check_fields("reply keyboard", markup, _KEYBOARD_FIELDS)
        _check_placeholder(markup)
        for button in _buttons(markup["keyboard"]):
            # A plain string is short for a button with this text.
            whole = button if isinstance(button, dict) else {"text": button}
            checked = check_fields("button", whole, {**_BUTTON_LOOKS, **_KEYBOARD_ACTIONS})
            _check_button_text(checked)
        return None
    for name, known in _OTHER_MARKUPS.items():
        if markup.get(name) is True:
            check_fields(name, markup, known)
            _check_placeholder(markup)
            return None
    raise bad_request(f"reply_markup of an unknown kind: {markup!r:.50}")


def _check_placeholder(markup: Json) -> None:
    if not 1 <= len(markup.get("input_field_placeholder", "x")) <= PLACEHOLDER_LIMIT:
        raise bad_request(f"the placeholder must have 1 to {PLACEHOLDER_LIMIT} characters")


def _buttons(rows: list[Any]) -> Iterator[object]:
    if not all(isinstance(row, list) and row for row in rows):
        raise bad_request("a keyboard must be a list of non-empty lists of buttons")
    if max(map(len, rows), default=0) > BUTTONS_IN_ROW_LIMIT:
        raise bad_request(f"more than {BUTTONS_IN_ROW_LIMIT} buttons in a row")
    if sum(map(len, rows)) > BUTTON_LIMIT:
        raise bad_request("REPLY_MARKUP_TOO_LONG")
    for row in rows:
        yield from row


def _check_button_text(button: Json) -> None:
    if not button.get("text", "").strip():
        raise bad_request("can't parse keyboard button: button text must be non-empty")


def _check_inline_button(button: object) -> None:
    checked = check_fields("inline button", button, {**_BUTTON_LOOKS, **_BUTTON_ACTIONS})
    _check_button_text(checked)
    actions = checked.keys() & _BUTTON_ACTIONS.keys()
    if len(actions) != 1:
        raise bad_request(f"inline button {checked['text']!r} must do exactly one thing")
    data = checked.get("callback_data")
    if data is not None and not 1 <= len(data.encode()) <= CALLBACK_DATA_BYTES:
        raise bad_request("BUTTON_DATA_INVALID")
    if "url" in checked and not is_link(checked["url"]):
        raise bad_request(f"inline keyboard button URL {checked['url']!r} is invalid")


_SCOPE_IDS = {
    "default": set[str](),
    "all_private_chats": set[str](),
    "all_group_chats": set[str](),
    "all_chat_administrators": set[str](),
    "chat": {"chat_id"},
    "chat_administrators": {"chat_id"},
    "chat_member": {"chat_id", "user_id"},
}


def check_commands(commands: Sequence[object]) -> None:
    """At most 100 BotCommands with names and descriptions of the permitted form."""
    if len(commands) > COMMAND_LIMIT:
        raise bad_request("BOT_COMMANDS_TOO_MUCH")
    for command in commands:
        checked = check_fields("command", command, {"command": str, "description": str})
        if not re.fullmatch(r"[a-z0-9_]{1,32}", checked.get("command", "")):
            raise bad_request(f"BOT_COMMAND_INVALID: {checked.get('command')!r}")
        if not 1 <= len(checked.get("description", "").strip()) <= 256:
            raise bad_request(f"BOT_COMMAND_DESCRIPTION_INVALID: /{checked['command']}")


def check_scope(scope: object) -> Json:
    """A well-formed BotCommandScope; None means the default one."""
    scope = {"type": "default"} if scope is None else scope
    checked = check_fields("scope", scope, {"type": str, "chat_id": (int, str), "user_id": int})
    wanted = _SCOPE_IDS.get(checked.get("type", ""))
    if wanted is None or checked.keys() - {"type"} != wanted:
        raise bad_request(f"scope {checked!r} is not well-formed")
    return checked


def check_language_code(params: Json) -> str:
    """A two-letter code; empty or absent means every language without a card of its own."""
    code: str = params.get("language_code", "")
    if not re.fullmatch(r"([a-z]{2})?", code):
        raise bad_request(f"invalid language code {code!r} specified")
    return code


_ARTICLE_FIELDS = {
    "type": str,
    "id": str,
    "title": str,
    "input_message_content": dict,
    "reply_markup": dict,
    "url": str,
    "description": str,
    "thumbnail_url": str,
    "thumbnail_width": int,
    "thumbnail_height": int,
}
_CONTENT_FIELDS = {
    "message_text": str,
    "entities": list,
    "parse_mode": str,
    "link_preview_options": dict,
}


def check_inline_results(results: Sequence[object]) -> None:
    """At most 50 InlineQueryResultArticles with distinct ids."""
    if len(results) > INLINE_RESULT_LIMIT:
        raise bad_request("RESULTS_TOO_MUCH")
    ids = [check_inline_result(result)["id"] for result in results]
    if len(set(ids)) < len(ids):
        raise bad_request("RESULT_ID_DUPLICATE")


def check_inline_result(result: object) -> Json:
    """An InlineQueryResultArticle with a text, the one kind of result that is taken here."""
    checked = check_fields("inline result", result, _ARTICLE_FIELDS)
    if checked.get("type") != "article":
        raise bad_request(f"inline results of type {checked.get('type')!r} are not taken here")
    if not 1 <= len(checked.get("id", "").encode()) <= 64:
        raise bad_request("RESULT_ID_INVALID")
    if not checked.get("title", "").strip():
        raise bad_request("inline result needs a title")
    inline_content(checked)
    return checked


def inline_content(result: Json) -> Json:
    """The message that this inline result sends, in the fields of a Message."""
    content = check_fields(
        "input_message_content", result.get("input_message_content"), _CONTENT_FIELDS
    )
    message = text_content(content, "message_text")
    if markup := check_markup(result.get("reply_markup"), inline_only=True):
        message["reply_markup"] = markup
    return message
