"""A terminal for tests of commands."""

from dataclasses import dataclass

import pytest

from bot import cli
from fixed_retriever import FixedRetriever


@dataclass
class Terminal:
    """Runs commands and keeps what they print."""

    capture: pytest.CaptureFixture[str]
    retriever: FixedRetriever
    out: str = ""
    err: str = ""

    def run(self, *arguments: str) -> int | str | None:
        """Run a command; gives its exit code as `sys.exit` has it (a text is code 1)."""
        with pytest.raises(SystemExit) as ended:
            cli.main(arguments)
        self.out, self.err = self.capture.readouterr()
        return ended.value.code
