"""One movement of money as an institution is told of it, whatever it belongs to. Pure."""

from typing import Literal

import msgspec

from payments.domain.lifecycles import State

Kind = Literal["payout", "finish", "subsidy", "return", "advance", "marketing_back", "refund"]
"""`payout` and `finish` leave for a receiver, `refund` for the buyer, `marketing_back` for the marketing account;
`subsidy`, `advance` and `return` come from the marketing account, from the platform's advance, from a receiver."""

POOL = "pool"
"""Who gets what the platform puts in."""

BUYER = "buyer"


class Instruction(msgspec.Struct, frozen=True, gc=False):
    """One movement of money. `of`: the payment that it is of, or the number of the payout that a return takes back."""

    number: str
    kind: Kind
    receiver: str
    amount_minor: int
    currency: str
    state: State
    of: str | None = None
