"""Whatever the institution answers, whatever gets lost, and however split plans again: no money is made or lost.

The institution is a model of one: it executes a number once, or never, and only later says which.
"""

import random
from collections import Counter

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from tests.payments.examples import NOW, back, funding, plan, to_buyer

from payments.domain.instructions import Instruction
from payments.domain.outcomes import UNKNOWN, Answer
from payments.domain.refunds.course import answered, doubted, started
from payments.domain.refunds.plans import laid, opened
from payments.domain.refunds.refund import Refund, instructions, settled
from shared.messages import RefundRequested, RefundSettled

INTO = frozenset({"return", "subsidy", "advance"})
FINAL = frozenset({"succeeded", "failed", "returned"})
ROUNDS = 40


class Model:
    """An institution: what each number stands for, and what became of it."""

    def __init__(self, draw: random.Random) -> None:
        self.records: dict[str, tuple[Instruction, str]] = {}
        self.pool_minor = 0
        self.got: Counter[str] = Counter()
        self._draw = draw

    def exchange(self, wanted: list[Instruction]) -> dict[str, Answer]:
        """Execute what is new, as it likes; answer, or get lost."""
        answers = {}
        for it in wanted:
            lost = self._draw.random()
            if it.number not in self.records and it.state != "succeeded" and lost < 0.9:
                self._execute(it)
            known = self.records.get(it.number)
            if known is not None:
                body = msgspec.structs.replace(known[0], state=it.state)
                assert body == it, "one number for two things"
            answers[it.number] = self._answer(it.number) if known is not None and lost < 0.7 else UNKNOWN
        return answers

    def send_back(self) -> None:
        """Have the buyer's bank send back what the buyer got."""
        for number, (it, state) in self.records.items():
            if it.kind == "refund" and state == "succeeded" and self._draw.random() < 0.3:
                self.records[number] = it, "returned"
                self._move(it, -1)

    def _execute(self, it: Instruction) -> None:
        drawn = self._draw.random()
        state = "succeeded" if drawn < 0.6 else "accepted" if drawn < 0.75 else "failed"
        self.records[it.number] = it, state
        if state == "succeeded":
            self._move(it)

    def _answer(self, number: str) -> Answer:
        it, state = self.records[number]
        if state == "accepted" and self._draw.random() < 0.5:
            state = "succeeded" if self._draw.random() < 0.7 else "failed"
            self.records[number] = it, state
            if state == "succeeded":
                self._move(it)
        return Answer(state, _why(it) if state in {"failed", "returned"} else None)  # type: ignore[arg-type] # a literal

    def _move(self, it: Instruction, times: int = 1) -> None:
        self.pool_minor += times * (it.amount_minor if it.kind in INTO else -it.amount_minor)
        if it.kind == "refund":
            self.got[it.of or ""] += times * it.amount_minor


def _why(it: Instruction) -> str:
    """Say that money lacks as often as anything else, always the same of one number."""
    return "insufficient_funds" if int(it.number[-1], 16) % 2 else "ACCOUNT_ABNORMAL"


def again(told: RefundSettled, asked: RefundRequested) -> RefundRequested:
    """Plan as split does: for what did not come back, an advance; everything else as it was."""
    gone = {it.return_id for it in told.returns if it.state == "failed"}
    missing = sum(it.amount_minor for it in asked.returns if it.return_id in gone)
    more = (funding(missing, "advance", asked.revision + 1),) if missing else ()
    return msgspec.structs.replace(
        asked,
        revision=asked.revision + 1,
        returns=tuple(it for it in asked.returns if it.return_id not in gone),
        fundings=asked.fundings + more,
    )


def nothing_lacks(refund: Refund, model: Model) -> None:
    """Check that a buyer got something only when everything before it is in."""
    if any(it.kind == "refund" and it.channel_number in model.records for it in refund.parts if it.planned):
        before = [it for it in refund.parts if it.planned and it.kind != "refund" and it.amount_minor]
        assert all(model.records[it.channel_number][1] == "succeeded" for it in before)


amounts = st.integers(0, 10**6)


@given(st.integers(0, 2**32), st.tuples(amounts, amounts, amounts, amounts, amounts))
def test_no_money_is_made_or_lost_whatever_is_answered_lost_and_planned_again(
    seed: int, money: tuple[int, int, int, int, int]
) -> None:
    draw = random.Random(seed)
    model, told = Model(draw), list[RefundSettled]()
    given_a, given_b, added, undone, held = money
    brought = given_a + given_b + added + held - min(undone, held)
    asked = plan(
        returns=(back("a", given_a), back("b", given_b)),
        fundings=(funding(added), funding(min(undone, held), "marketing_back")),
        refunds=(to_buyer(brought // 3, "pay-1"), to_buyer(brought - brought // 3, "pay-2")),
    )
    refund = laid(opened(asked, NOW, NOW), asked, {}, {})
    _note(refund, opened(asked, NOW, NOW), told)
    for _ in range(ROUNDS):
        before = refund
        if refund.waits == "waiting_funds":
            refund = started(refund)
        answers = model.exchange(list(instructions(refund)))
        nothing_lacks(refund, model)
        if draw.random() < 0.2:
            continue  # a crash: what was answered is not stored, and the same is sent again
        refund = answered(refund, answers)
        _note(refund, before, told)
        if told and told[-1].planned == asked.revision and (refund.waits is None or draw.random() < 0.1):
            if refund.standing == "succeeded" and draw.random() < 0.5:
                model.send_back()
                refund = doubted(refund)
                continue
            before, asked = refund, again(told[-1], asked)
            refund = laid(refund, asked, {}, {})
            _note(refund, before, told)
    assert [it.revision for it in told] == list(range(1, len(told) + 1))
    _agree(refund, model)


def _note(after: Refund, before: Refund, told: list[RefundSettled]) -> None:
    if after.revision != before.revision:
        told.append(settled(after, NOW))
        if told[-1].state == "succeeded":
            assert {it.state for it in (*told[-1].refunds,)} <= {"succeeded"}


def _agree(refund: Refund, model: Model) -> None:
    """Compare what payments knows as final with what the institution did."""
    for it in refund.parts:
        known = model.records.get(it.channel_number)
        if it.state in FINAL and it.amount_minor:
            assert known is not None
            assert known[1] == it.state or (it.state, known[1]) == ("succeeded", "returned")
    if refund.waits is None and not any(state == "returned" for _, state in model.records.values()):
        assert refund.moved_minor == model.pool_minor
        buyer = {it.name: it.amount_minor for it in refund.parts if it.kind == "refund" and it.state == "succeeded"}
        assert +model.got == {name: amount for name, amount in buyer.items() if amount}
