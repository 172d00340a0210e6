"""What receivers were paid."""

from tests.ops.audit.world import MP

from ops.payout_report import Row, rows
from ops.stores import Stores


async def test_each_receiver_has_a_row_a_currency(filled: Stores) -> None:
    assert [row async for row in rows(filled, MP)] == [
        Row(MP, "merchant:shop", "CNY", 1, 9_240, 0, 9_240),
        Row(MP, "platform:commission", "CNY", 1, 1_200, 0, 1_200),
    ]


async def test_what_came_back_was_paid_and_is_no_longer(filled: Stores) -> None:
    await filled.payments.payouts.update_one({}, {"$set": {"legs.0.state": "returned"}})
    first, _ = [row async for row in rows(filled, None)]
    assert (first.count, first.paid_minor, first.returned_minor, first.net_minor) == (1, 9_240, 9_240, 0)


async def test_what_is_not_paid_is_not_in_it(filled: Stores) -> None:
    await filled.payments.payouts.update_one({}, {"$set": {"legs.0.state": "failed", "legs.1.state": "unknown"}})
    assert [row async for row in rows(filled, None)] == []


async def test_another_marketplace_has_other_rows(filled: Stores) -> None:
    assert [row async for row in rows(filled, "demo-")] == []
