"""Files in SQuAD's format, made of a few words."""

import json
from pathlib import Path


def document(title: str, *paragraphs: tuple[str, str, str]) -> dict[str, object]:
    """Make a document from (context, question, answer), one question a paragraph."""
    return {
        "title": title,
        "paragraphs": [
            {
                "context": context,
                "qas": [
                    {
                        "id": f"{title}-{number}",
                        "question": question,
                        "answers": [{"text": answer, "answer_start": context.index(answer)}],
                    }
                ],
            }
            for number, (context, question, answer) in enumerate(paragraphs)
        ],
    }


def write(path: Path, *documents: dict[str, object]) -> Path:
    """Write documents to a file."""
    path.write_text(json.dumps({"data": documents}), "utf-8")
    return path


def write_twins(folder: Path) -> tuple[Path, Path]:
    """Write two documents in English, and the same ones in Russian."""
    english = [
        document(
            "Big_Ice",
            ("The ice is old.", "How is the ice?", "old"),
            ("The glacier lost 11 metres.", "How much did it lose?", "11 metres"),
        ),
        document("Sun", ("The sun is warm.", "How is the sun?", "warm")),
    ]
    russian = [
        document(
            "Big_Ice",
            ("Это старый лёд.", "Какой лёд?", "старый"),
            ("Ледник потерял 11 метров.", "Сколько он потерял?", "11 метров"),
        ),
        document("Sun", ("Это тёплое солнце.", "Какое солнце?", "тёплое")),
    ]
    return write(folder / "en.json", *english), write(folder / "ru.json", *russian)
