"""Reading balances: never more than asked for, and each the sum of all its stripes."""

from tests.split.examples import agreement, line, merchant, paid_order
from tests.split.replica import Replica, settled

from shared.work import Work
from split.store import balances
from split.store.accounts import Accounts, Balance


async def test_a_page_of_balances_ends_between_two_accounts_and_not_between_two_stripes(replica: Replica) -> None:
    await replica.take(merchant("m1", agreement()), paid_order(line(1, 1_000)))
    await replica.take(settled(replica.published.payouts()[0], "failed"))
    accounts = Accounts(replica.database)
    whole = await accounts.balances("test-a", None, None, 10)
    assert {it.account: it.amount_minor for it in whole} == {
        "channel:clearing/test-a": -1_000,
        "merchant:available/m1": 880,
        "merchant:in_transit/m1": 0,
        "platform:commission": 120,
    }
    pages, after = list[Balance](), None
    while page := await accounts.balances("test-a", "BRL", after, 1):
        assert len(page) == 1
        pages += page
        after = (page[0].currency, page[0].account)
    assert pages == whole


async def test_accounts_of_one_group_and_names_with_dots_are_told_apart(replica: Replica) -> None:
    """With 128 groups, some of 300 names share one; a dot would otherwise lead into a field."""
    names = [f"merchant:held/{number}.%2E.$" for number in range(300)]

    async def decide(work: Work) -> None:
        balances.add(work, "test-a", "BRL", {name: number for number, name in enumerate(names)})

    await replica.commits.commit(decide, stripe="a#0", group="split.test")
    accounts = Accounts(replica.database)
    assert [await accounts.balance("test-a", name, "BRL") for name in names] == list(range(300))
    whole = await accounts.balances("test-a", None, None, 1_000)
    assert {it.account: it.amount_minor for it in whole} == {name: number for number, name in enumerate(names)}
    assert await accounts.balances("test", None, None, 10) == []


async def test_an_account_in_which_nothing_was_booked_has_no_balance(replica: Replica) -> None:
    await replica.take(merchant("m1", agreement()), paid_order())
    accounts = Accounts(replica.database)
    assert await accounts.balance("test-a", "merchant:held/m1", "BRL") is None
    assert await accounts.balance("test-a", "merchant:in_transit/m1", "JPY") is None
