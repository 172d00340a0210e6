"""From what is stored to what is answered."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from split.api.models import (
    BalanceAnswer,
    BreakdownAnswer,
    ChannelFreezeAnswer,
    EntryAnswer,
    FreezeAnswer,
    PayoutAnswer,
    ProgressAnswer,
    ShareAnswer,
    SplitAnswer,
    StatementEntry,
    StatementPage,
    Totals,
    TrialBalance,
    TrialBalances,
    TrialGroup,
    WaitAnswer,
)
from split.domain.calendars import Calendar
from split.domain.collectors import collecting_of, with_clock
from split.domain.holds import AT_ONCE
from split.domain.money_back import stopped_lines
from split.domain.orders import Order
from split.domain.pots import MERCHANT
from split.domain.readiness import waits
from split.domain.shares import Share
from split.domain.statements import Sheet, Tally
from split.store.accounts import Balance, Posted
from split.store.history import GroupSums
from split.store.orders import Stored


def split_answer(stored: Stored, calendar: Calendar, now: datetime) -> SplitAnswer:
    """Return an order as the API shows it, with what each held share waits for at `now`."""
    order, facts = stored.order, stored.facts
    return SplitAnswer(
        order_id=stored.order_id,
        state="split" if order else "waiting",
        currency=order.currency if order else None,
        paid_at=stored.paid_at,
        shares=[held_answer(it, stored, order, calendar, now) for it in order.shares] if order else [],
        subsidy_due_minor=order.subsidy_due_minor if order else 0,
        payouts=[_payout(order, number) for number in range(1, order.payouts + 1)] if order else [],
        freezes=[
            FreezeAnswer.model_validate(msgspec.structs.asdict(it) | {"stops": it.stops(now)}) for it in facts.freezes
        ],
        progress=[ProgressAnswer.model_validate(msgspec.structs.asdict(it)) for it in facts.progress],
        look_at=order.look_at or None if order else None,
        channel_freeze=_freeze(order, stored.paid_at) if order and stored.paid_at else None,
    )


def _freeze(order: Order, paid_at: datetime) -> ChannelFreezeAnswer | None:
    collecting = collecting_of(order.channel_profile, paid_at)
    if collecting is None or collecting.ends_at is None or collecting.acts_at is None:
        return None
    known = order.known_freeze
    owed: dict[str, int] = {}
    for it in known.unfrozen:
        owed[it.merchant] = owed.get(it.merchant, 0) + it.owed_minor
    return ChannelFreezeAnswer(
        ends_at=collecting.ends_at, acts_at=collecting.acts_at, acted=known.acted, closed=known.closed, owed=owed
    )


def held_answer(share: Share, stored: Stored, order: Order, calendar: Calendar, now: datetime) -> ShareAnswer:
    """Return a share with what its lines wait for, where it is a merchant's and an agreement has decided about it."""
    answer = _share(share)
    if share.state != "held" or not share.agreement_version or share.path != MERCHANT + share.merchant:
        return answer
    mine = (line.line_id for line in stored.lines if line.merchant == share.merchant)
    lines = tuple(mine) if share.lines is msgspec.UNSET else share.lines
    stopped, paid_at, hold = stopped_lines(order), stored.paid_at or now, share.hold or AT_ONCE
    facts = with_clock(order.known_facts, share.hold or None, collecting_of(order.channel_profile, paid_at))
    found = waits(hold, lines, paid_at, facts, stopped, calendar, now)
    answer.waits = [WaitAnswer(line_id=it.line_id, reason=it.reason or share.reason, due_at=it.due_at) for it in found]
    answer.due_at = min((it.due_at for it in found if it.due_at is not None), default=None)
    return answer


def balance_answer(balance: Balance) -> BalanceAnswer:
    """Return a balance as the API shows it."""
    return BalanceAnswer(account=balance.account, currency=balance.currency, balance_minor=balance.amount_minor)


def entry_answer(posted: Posted) -> EntryAnswer:
    """Return an entry as the API shows it."""
    return EntryAnswer.model_validate(
        {**msgspec.structs.asdict(posted), "order_id": posted.order.partition("/")[2]},
    )


def statement_answer(
    sheet: Sheet, page: Sequence[Posted], tallies: Sequence[Tally], last: Tally, next_cursor: str | None
) -> StatementPage:
    """Return a page of a statement as the API shows it; `tallies` are those after each of its entries."""
    return StatementPage(
        account=sheet.account,
        currency=sheet.currency,
        since=sheet.period.since,
        until=sheet.period.until,
        opening_minor=last.opening_minor,
        closing_minor=last.closing_minor,
        totals=Totals(entries=last.entries, credit_minor=last.credit_minor, debit_minor=last.debit_minor),
        items=[
            StatementEntry(**entry_answer(it).model_dump(), balance_minor=tally.balance_minor)
            for it, tally in zip(page, tallies, strict=True)
        ],
        next_cursor=next_cursor,
    )


def trial_answer(sums: Mapping[str, Sequence[GroupSums]], at: datetime | None) -> TrialBalances:
    """Return the sums of all accounts, by currency, as the API shows them."""
    return TrialBalances(at=at, currencies=[_trial(currency, groups) for currency, groups in sums.items()])


def _trial(currency: str, groups: Sequence[GroupSums]) -> TrialBalance:
    debit, credit = sum(it.debit_minor for it in groups), sum(it.credit_minor for it in groups)
    return TrialBalance(
        currency=currency,
        groups=[TrialGroup.model_validate(msgspec.structs.asdict(it)) for it in groups],
        debit_minor=debit,
        credit_minor=credit,
        balanced=debit == credit,
    )


def _share(share: Share) -> ShareAnswer:
    fields = msgspec.structs.asdict(share) | {
        "breakdown": BreakdownAnswer(**msgspec.to_builtins(share.breakdown)),
        "rules_version": share.rules_version or 0,
        "due_at": share.due_at or None,
        "since": share.since or None,
    }
    return ShareAnswer.model_validate(fields)


def _payout(order: Order, number: int) -> PayoutAnswer:
    identity = f"{order.document}.{number}"
    return PayoutAnswer(
        payout_id=identity,
        amount_minor=sum(share.amount_minor for share in order.shares if share.payout_id == identity),
        subsidy_minor=sum(it.amount_minor for it in order.subsidies if it.payout_id == identity),
        revision=order.revisions.get(str(number), 0),
    )
