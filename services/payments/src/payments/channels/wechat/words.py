"""What WeChat Pay's words mean for an instruction. Pure."""

from collections.abc import Mapping
from typing import Any, Final

from payments.channels.wechat.client import Reply
from payments.domain.instructions import Instruction
from payments.domain.outcomes import Answer

NUMBER_REUSED: Final = "number_reused"
UNKNOWN_THERE: Final = frozenset({"RESOURCE_NOT_EXISTS", "ORDER_NOT_EXIST", "ORDERNOTEXIST"})
"""Codes by which it says that it does not know a number. Not final: the same may be sent again (money.md 3.1)."""

DOUBTFUL: Final = frozenset({"INVALID_REQUEST", "PARAM_ERROR"})
"""Codes that are also said of a number that was used before, with another receiver or amount (研发指引, 分账). Only
asking for the number tells."""

PAID: Final = frozenset({"SUCCESS", "REFUND"})
"""States of a payment that has come in; REFUND is one that was refunded since, in part or whole."""


def split(it: Instruction, body: Mapping[str, Any], account: str) -> Answer:
    """Return what became of a split to one receiver: FINISHED is no success, its receiver's own result is."""
    found = [one for one in _list(body, "receivers") if one.get("account") == account]
    if not found:
        return _accepted_or(body, Answer("unknown", "receiver_missing"))
    (one, *_) = found
    if one.get("amount") != it.amount_minor:
        return Answer("unknown", NUMBER_REUSED)
    match one.get("result"):
        case "SUCCESS":
            return Answer("succeeded")
        case "CLOSED":
            return Answer("failed", str(one.get("fail_reason") or "CLOSED"))
        case _:
            return Answer("accepted")


def unfrozen(body: Mapping[str, Any]) -> Answer:
    """Return what became of the rest of a payment: it comes to the collector as a whole."""
    return _accepted_or(body, Answer("succeeded"))


def returned(it: Instruction, body: Mapping[str, Any]) -> Answer:
    """Return what became of a return (回退)."""
    if body.get("amount") != it.amount_minor:
        return Answer("unknown", NUMBER_REUSED)
    match body.get("result"):
        case "SUCCESS":
            return Answer("succeeded")
        case "FAILED":
            return Answer("failed", str(body.get("fail_reason") or "FAILED"))
        case _:
            return Answer("accepted")


def refunded(it: Instruction, body: Mapping[str, Any]) -> Answer:
    """Return what became of a refund. ABNORMAL (the buyer's card is closed) is not final: people settle it by hand."""
    amount = body.get("amount")
    if not isinstance(amount, Mapping) or amount.get("refund") != it.amount_minor:
        return Answer("unknown", NUMBER_REUSED)
    match body.get("status"):
        case "SUCCESS":
            return Answer("succeeded")
        case "CLOSED":
            return Answer("failed", "CLOSED")
        case "ABNORMAL":
            return Answer("accepted", "ABNORMAL")
        case _:
            return Answer("accepted")


def refused(reply: Reply) -> Answer | None:
    """Return what a refusal means; None where only asking for the number tells."""
    return None if reply.code in DOUBTFUL else Answer("failed", reply.code)


def _accepted_or(body: Mapping[str, Any], answer: Answer) -> Answer:
    return answer if body.get("state") == "FINISHED" else Answer("accepted")


def _list(body: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    found = body.get(name)
    return [it for it in found if isinstance(it, Mapping)] if isinstance(found, list) else []
