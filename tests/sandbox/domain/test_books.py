"""The conservation law: what came in is in some pocket or was paid to a receiver, and no pocket is below zero."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, get_args

from hypothesis import given
from hypothesis import strategies as st

from sandbox.domain.behaviours.about import About
from sandbox.domain.books import Change, Place
from sandbox.domain.execution import conclude, execute, give_back
from sandbox.domain.faults import Faults
from sandbox.domain.payments import Fund, Payment, take_fund, take_payments
from sandbox.domain.transfers import Kind, Record, Transfer

NOW = datetime(2025, 3, 1, tzinfo=UTC)
type Step = str | list[Payment] | Fund | Faults | tuple[list[Transfer], Faults]

SIGNS = {"payout": 1, "finish": 1, "refund": 1, "return": -1}
MERCHANTS = ("merchant:a", "merchant:b")

# Few numbers and small amounts: repeats, reused numbers and empty pockets are then the rule.
currencies = st.sampled_from(["CNY", "JPY"])
amounts = st.integers(0, 9)
payments = st.builds(
    Payment,
    payment_id=st.sampled_from("abcdefgh"),
    amount_minor=amounts,
    currency=currencies,
    fee_minor=st.integers(0, 2),
)
funds = st.builds(
    Fund,
    fund_id=st.sampled_from("abc"),
    pocket=st.sampled_from(["platform:marketing", "platform:advance"]),
    currency=currencies,
    amount_minor=amounts,
)
transfers = st.builds(
    Transfer,
    number=st.sampled_from("abcdefghijkl"),
    kind=st.sampled_from(get_args(Kind)),
    receiver=st.sampled_from([*MERCHANTS, "platform:fee", "pool", "buyer"]),
    currency=currencies,
    amount_minor=amounts,
    of=st.sampled_from([None, *"abcdefgh"]),
)
faults = st.builds(
    Faults,
    accept_only=st.booleans(),
    fail_receivers=st.dictionaries(st.sampled_from(MERCHANTS), st.just("CLOSED"), max_size=1),
)
steps = st.lists(
    st.one_of(
        st.lists(payments, max_size=5),
        funds,
        st.tuples(st.lists(transfers, max_size=6), faults),
        faults,  # a query, which concludes what was accepted
        st.sampled_from("abcdefghijkl"),  # a bank that returns a transfer
    ),
    max_size=20,
)


@dataclass
class Account:
    """All that the institution remembers of one account."""

    payments: dict[str, Payment] = field(default_factory=dict)
    funds: dict[str, Fund] = field(default_factory=dict)
    transfers: dict[str, Record] = field(default_factory=dict)
    pockets: Counter[Place] = field(default_factory=Counter)

    def take(self, step: Step) -> None:
        match step:
            case Fund():
                change = take_fund(step, self.funds.get(step.fund_id))
                if change is not None:
                    self.funds |= {fund.fund_id: fund for fund in change.records}
                    self.move(change)
            case Faults():
                accepted = [record for record in self.transfers.values() if record.state == "accepted"]
                self.record(conclude(accepted, step, NOW))
            case tuple():
                batch, faulty = step
                about = About(self.payments, self.uses())
                answers, executed = execute(batch, self.transfers, self.pockets, faulty, NOW, about)
                assert [answer.number for answer in answers] == [transfer.number for transfer in batch]
                self.record(executed)
            case str():
                known = [record for number, record in self.transfers.items() if number == step]
                self.record(give_back(known, "late", self.uses()))
            case list():
                _, paid = take_payments(step, self.payments)
                self.payments |= {payment.payment_id: payment for payment in paid.records}
                self.move(paid)

    def record(self, change: Change[Record]) -> None:
        self.transfers |= {record.transfer.number: record for record in change.records}
        self.move(change)

    def move(self, change: Change[Any]) -> None:
        for place, amount in change.pockets.items():
            self.pockets[place] += amount

    def uses(self) -> Counter[tuple[str, str]]:
        used: Counter[tuple[str, str]] = Counter()
        for record in self.transfers.values():
            if record.state in {"accepted", "succeeded"} and record.transfer.of is not None:
                used[record.transfer.kind, record.transfer.of] += record.transfer.amount_minor
        return used

    def money_in(self) -> Counter[str]:
        came: Counter[str] = Counter()
        for payment in self.payments.values():
            came[payment.currency] += payment.amount_minor - payment.fee_minor
        for fund in self.funds.values():
            came[fund.currency] += fund.amount_minor
        return came

    def money_here(self) -> Counter[str]:
        here: Counter[str] = Counter()
        for (_, currency), balance in self.pockets.items():
            here[currency] += balance
        for place, amount in self.outside().items():
            here[place[1]] += amount
        return here

    def outside(self) -> Counter[Place]:
        """Return what receivers and buyers have got."""
        got: Counter[Place] = Counter()
        for record in self.transfers.values():
            it = record.transfer
            if record.state == "succeeded" and it.kind in SIGNS:
                got[it.receiver, it.currency] += SIGNS[it.kind] * it.amount_minor
        return got


@given(steps)
def test_all_money_that_came_in_is_in_a_pocket_or_was_paid_out_and_no_pocket_is_below_zero(steps: list[Step]) -> None:
    account = Account()
    for step in steps:
        account.take(step)
        assert account.money_here() == account.money_in()
        assert min(account.pockets.values(), default=0) >= 0
        assert min(account.outside().values(), default=0) >= 0


@given(steps)
def test_sending_everything_again_moves_nothing(steps: list[Step]) -> None:
    """Also what failed for want of money is not tried again: the answer to its number stands."""
    account = Account()
    for step in steps:
        account.take(step)
    pockets, transfers = +account.pockets, dict(account.transfers)
    for record in list(account.transfers.values()):
        account.take(([record.transfer], Faults()))
    account.take(list(account.payments.values()))
    assert (+account.pockets, account.transfers) == (pockets, transfers)
