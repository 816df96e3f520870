"""The list of all articles, newest first, from an engine that sorts nothing.

A place in the list is looked for as one looks for a word in a dictionary: some articles, taken
evenly, tell between which two it must lie; between those it is looked for again, until so few are
left that they can be read and sorted.
"""

from embeddings.stores.milvus_engine import Engine, Row, quoted

_FEW = 1000
"""Articles that are read and sorted at once."""

_FIELDS = ["slug", "day", "version"]


def newest_first(
    engine: Engine, collection: str, condition: str, offset: int, limit: int
) -> list[Row]:
    """Return a part of the list of the articles for which a condition holds.

    They are newest first, by slug on the same day.

    Args:
        engine: Where they are.
        collection: Where they are.
        condition: Which of them count.
        offset: How many to leave out at the beginning.
        limit: How many to return at most.
    """
    count = engine.count(collection, condition)
    margin = _FEW // 30
    while count > _FEW and margin < _FEW:
        # Versions are numbers by chance: those below a bound are some of all, taken evenly.
        bound = 2**63 * _FEW // count
        some = engine.query(collection, f"{condition} and version < {bound}", _FIELDS)
        some.sort(key=_place)
        last = len(some) * (offset + limit) // count + margin
        if last < len(some):
            ending = f"{condition} and {before(some[last])}"
            left = engine.count(collection, ending)
            if left >= offset + limit:
                condition, count = ending, left
        first = len(some) * offset // count - margin
        if 0 <= first < len(some):
            skipped = engine.count(collection, f"{condition} and {before(some[first])}")
            if skipped <= offset:
                condition += f" and not {before(some[first])}"
                offset, count = offset - skipped, count - skipped
        margin *= 2
    rows = engine.query(collection, condition, _FIELDS)
    return sorted(rows, key=_place)[offset : offset + limit]


def before(row: Row) -> str:
    """Return the condition that an article comes before one in the list."""
    day, slug = row["day"], quoted(row["slug"])
    return f"(day > {day} or (day == {day} and slug < {slug}))"


def _place(row: Row) -> tuple[int, str]:
    return -row["day"], row["slug"]
