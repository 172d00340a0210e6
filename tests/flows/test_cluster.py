"""The cluster that the stories are told on: every part is a process of its own, ready, and documents itself."""

import httpx
import pytest
from tests.flows.conftest import Cluster

pytestmark = pytest.mark.infra


@pytest.mark.parametrize("part", ["institution", "payments", "split", "aftersale", "merchant"])
def test_every_part_is_ready_and_has_its_openapi_document(cluster: Cluster, part: str) -> None:
    assert httpx.get(f"{cluster.urls[part]}/readyz").is_success
    assert httpx.get(f"{cluster.urls[part]}/openapi.json").json()["paths"]
