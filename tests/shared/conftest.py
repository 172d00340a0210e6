"""The probe of one test: its topics, group and database are nobody else's."""

from pathlib import Path

import pytest
from tests.shared import probe
from tests.shared.probe import Probe


@pytest.fixture
async def it(kafka_bootstrap: str, mongo_url: str, database_name: str, tmp_path: Path) -> Probe:
    return await probe.make(kafka_bootstrap, mongo_url, database_name, tmp_path)
