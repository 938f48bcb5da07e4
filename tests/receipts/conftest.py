"""What the tests of receipts share."""

import pytest

from ai2.receipts.extraction import reading
from tests.receipts import doubles


@pytest.fixture(autouse=True)
def reads_what_tests_write(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "read", doubles.read)
