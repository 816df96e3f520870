"""Is an update what Telegram's documentation says updates are?

The library takes nearly anything for one, and only warns in its annotations what should be where.
"""

import functools
import sys
import typing
from collections.abc import Sequence
from types import UnionType
from typing import Any

import telegram
from telegram import TelegramObject
from telegram._utils import types as names_in_annotations


def is_sound(thing: TelegramObject) -> bool:
    """Whether all parts of something are of the types that the library's annotations name."""
    # A time span is kept with a "_", and is made by a property.
    return all(
        _fits(getattr(thing, f"_{name}", None) or getattr(thing, name, None), hint)
        for name, hint in _parts(type(thing)).items()  # type: ignore[arg-type]
    )


def _fits(value: Any, hint: Any) -> bool:  # noqa: ANN401 - whatever an update may hold
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, UnionType):
        return any(_fits(value, each) for each in inner)
    if origin is Sequence:
        return isinstance(value, Sequence) and all(_fits(each, inner[0]) for each in value)
    kind = origin or hint
    if not isinstance(kind, type):
        return True
    if isinstance(value, TelegramObject):
        return isinstance(value, kind) and is_sound(value)
    # To Python True is a number.
    return isinstance(value, kind) and (kind is not int or not isinstance(value, bool))


@functools.cache
def _parts(kind: type[object]) -> dict[str, Any]:
    """The annotations of all that an object of this class is made of."""
    parts: dict[str, Any] = {}
    for base in reversed(kind.__mro__):
        if "__init__" in vars(base) and base not in (TelegramObject, object):
            # What the annotations name is imported for type checkers only.
            known = {**vars(names_in_annotations), **vars(telegram)}
            names = {**known, **vars(sys.modules[base.__module__])}
            parts |= typing.get_type_hints(vars(base)["__init__"], names)
    return {name: hint for name, hint in parts.items() if name not in {"return", "api_kwargs"}}
