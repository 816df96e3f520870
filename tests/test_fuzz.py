"""A little of `make fuzz` with each run of the tests: whatever comes, nothing crashes."""

import pytest

from fuzz import SEED, TARGETS, fuzz

CASES = 200


@pytest.mark.parametrize("name", TARGETS)
def test_nothing_crashes(name: str) -> None:
    """The same inputs each time; what fails is shown with the input that it was."""
    outcome = fuzz(TARGETS[name], CASES)
    print(f"{name}: {outcome.cases} cases, seed {SEED}")  # noqa: T201 - shown if it fails
    assert not outcome.kinds, "\n\n".join(outcome.kinds.values())
    assert outcome.cases >= CASES
