"""Reading balances: never more than asked for, and each the sum of all its stripes."""

from tests.split.examples import agreement, line, merchant, paid_order
from tests.split.replica import Replica, settled

from split.store.accounts import Accounts, Balance


async def test_a_page_of_balances_ends_between_two_accounts_and_not_between_two_stripes(replica: Replica) -> None:
    await replica.take(merchant("m1", agreement()), paid_order(line(1, 1_000)))
    await replica.take(settled(replica.published.payouts()[0], "failed"))
    accounts = Accounts(replica.database)
    assert await accounts.balances("test-a", None, None, 2) == [
        Balance("BRL", "channel:clearing/test-a", -1_000),
        Balance("BRL", "merchant:available/m1", 880),
    ]
    assert await accounts.balances("test-a", "BRL", ("BRL", "merchant:available/m1"), 1) == [
        Balance("BRL", "merchant:in_transit/m1", 0)
    ]


async def test_an_account_in_which_nothing_was_booked_has_no_balance(replica: Replica) -> None:
    await replica.take(merchant("m1", agreement()), paid_order())
    accounts = Accounts(replica.database)
    assert await accounts.balance("test-a", "merchant:held/m1", "BRL") is None
    assert await accounts.balance("test-a", "merchant:in_transit/m1", "JPY") is None
