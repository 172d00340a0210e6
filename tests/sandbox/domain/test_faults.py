"""A fault hits the requests it was switched on for, and no others."""

import msgspec
import pytest

from sandbox.domain.faults import NORMAL, Faults


def test_without_operations_every_operation_is_hit() -> None:
    assert Faults(accept_only=True).hits("funds")


def test_only_the_named_operations_are_hit() -> None:
    faults = Faults(operations=("transfers",), answer="unavailable")
    assert faults.hits("transfers")
    assert not faults.hits("transfers/query")


def test_a_fault_that_is_used_up_hits_nothing() -> None:
    assert Faults(remaining=1).hits("payments")
    assert not Faults(remaining=0).hits("payments")


@pytest.mark.parametrize(
    "body",
    [
        b'{"operations": ["refunds"]}',
        b'{"latency_s": -1}',
        b'{"latency_s": 61}',
        b'{"answer": "broken"}',
        b'{"remaining": -1}',
        b'{"fail_receivers": {"pool": "X"}}',
        b'{"fail_receivers": {"merchant:a": ""}}',
        b'{"latency": 1}',
    ],
)
def test_a_fault_that_would_test_nothing_is_refused(body: bytes) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(body, type=Faults)


def test_nothing_is_wrong_unless_told() -> None:
    assert msgspec.json.decode(b"{}", type=Faults) == NORMAL
