"""What hears, over a payments whose lanes stand still until a test lets them run."""

from pathlib import Path

import pytest
from tests.payments.edge import Edge
from tests.payments.signals.ear import Ear


@pytest.fixture
def ear(still_edge: Edge, tmp_path: Path) -> Ear:
    return Ear(still_edge, tmp_path)
