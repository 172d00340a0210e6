"""What a page says of a profile: in words of its family, in figures of its own file."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from shared.profiles.behaviour import OPERATIONS, Custody
from shared.profiles.profile import Cap, Profile, Returns

FIRST: Final = {"profit_sharing": "wechat-profit-sharing", "custody": "allinpay-strong-2"}
"""With which profile of its family a profile is compared; in a family of one there is nothing to compare."""
UNTOLD: Final = frozenset({"name", "title", "family", "compliance", "operations"})
"""Fields in which no two profiles are compared: they are told of elsewhere on the page."""


TOLD: Final = """A profile is one file of data in `shared/src/shared/profiles`, with the source of each figure beside
it. Split asks it before it books, payments before it sends, and the sandbox institution behaves as it says. What a
profile lacks is refused with a reason. What the platform may not do with sellers' money:
[compliance](../compliance.md)."""
WAIVER: Final = """`waivers` of the marketplace in `deploy/marketplaces.yaml` says who has decided it, when and why.
Without one the file is refused, an agreement is refused (`waiver_missing`), and so is every payout."""


class Words(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is said of a family: what it is, the way of the money (mermaid), and how orders come to be paid."""

    what: str
    path: str
    orders: str


def page(profile: Profile, words: Words, profiles: Sequence[Profile]) -> str:
    """Return the page of a profile."""
    parts = [
        f"# {profile.title}",
        f"Profile `{profile.name}`, family `{profile.family}`. {words.what.strip()}",
        words.orders.strip(),
        "## The way of the money",
        f"```mermaid\n{words.path.replace('{custody}', _custody_name(profile)).rstrip()}\n```",
        "## What it can be asked for",
        _operations(profile),
        "## Limits and behaviour",
        _table(("what", "says"), _facts(profile)),
        *_custody(profile.custody),
        *_codes(profile),
        "## Compliance",
        _compliance(profile),
        "## Where it differs",
        _differs(profile, profiles),
    ]
    return "\n\n".join(parts) + "\n"


def index(profiles: Iterable[Profile]) -> str:
    """Return the page that leads to the others."""
    rows = [
        (
            f"[`{it.name}`]({it.name}.md)",
            it.title,
            it.family,
            "the seller" if it.collector == "merchant" else f"the {it.collector}",
            ", ".join(op for op in OPERATIONS if not it.has(op)) or "nothing",
            "yes" if it.compliance.waiver_needed else "",
        )
        for it in profiles
    ]
    table = _table(("profile", "product", "family", "who collects", "what it lacks", "waiver needed"), rows)
    return f"# Channels\n\n{TOLD}\n\n{table}\n"


def _facts(profile: Profile) -> list[tuple[str, str]]:
    caps, returns, refunds = profile.cap, profile.returns, profile.refunds
    subsidies, checks = profile.subsidies, profile.verification
    rates = [f"{name} {most}" for name, most in profile.rates.per_account.items()]
    rates += [f"{name} {most} of each receiver" for name, most in profile.rates.per_receiver.items()]
    return [
        ("receivers of one request", _most(profile.receivers_per_request_max)),
        ("a receiver twice in one request", "refused" if profile.receiver_once_per_request else "allowed"),
        ("requests of one order", _most(profile.requests_per_order_max)),
        ("partial success", "normal" if profile.partial_success else "none: all of a request, or nothing"),
        ("cap of all splits", _cap(caps) if caps else "none"),
        ("first split after the payment", f"{profile.split_after_payment_s} s"),
        ("frozen for", f"{profile.freeze_days} days" if profile.freeze_days else "nothing ends by itself"),
        ("split after the release", "allowed" if profile.split_after_release else "refused"),
        ("receivers bound first", _most(profile.receivers_bound_max) if profile.receivers_bound_first else "no"),
        ("an instruction is", "accepted first, carried out later" if profile.accepts_first else "answered at once"),
        ("returns", _returns(returns) if returns else "none"),
        ("refunds", f"{_days(refunds.days)}, {_most(refunds.partial_max)} of one order"),
        ("fee given back with a refund", profile.fee_refund),
        ("subsidies", _subsidies(subsidies.amount_max_minor, subsidies.per_order_max) if subsidies else "none"),
        ("a receiver's balance for refunds", "may be used" if profile.available_balance_movable else "is not touched"),
        ("balances below zero", "possible" if profile.may_go_negative else "never"),
        ("requests a second", ", ".join(rates) or "no limit is known"),
        ("callbacks again after", ", ".join(map(_span, profile.callback_schedule_s)) or "there are none: it is asked"),
        ("bound accounts verified by", _list(checks.methods) if checks else "nothing of its own"),
        ("bill", "WeChat's text: yuan, with backticks" if profile.bill_format == "wechat" else "CSV"),
        ("tried again by itself", _list(f"`{it}` {when}" for it, when in profile.failures.retryable.items())),
        ("never tried again", _list(f"`{it}`" for it in profile.failures.never)),
    ]


def _operations(profile: Profile) -> str:
    lacks = [it for it in OPERATIONS if not profile.has(it)]
    there = f"Has: {', '.join(f'`{it}`' for it in OPERATIONS if profile.has(it))}."
    lacking = ", ".join(f"`{it}`" for it in lacks)
    return (
        f"{there}\n\nLacks: {lacking}. Asked for all the same, it is refused: `operation_lacking`." if lacks else there
    )


def _custody(custody: Custody | None) -> list[str]:
    if custody is None:
        return []
    rows = [
        ("merchants' sub-accounts only receive", custody.receive_only_merchants),
        ("money goes into guarantee first, and is confirmed in a second step", custody.guarantee_phase),
        ("money is collected into an intermediate account and released from it", custody.intermediate_account),
        ("the platform moves money by hand; an operator confirms each instruction", custody.by_hand),
        ("each merchant needs a real bank account there", custody.real_account_needed),
        ("inbound money of strangers goes to suspense until it is registered", custody.suspense),
    ]
    return ["## Its accounts", _table(("of its accounts", ""), [(what, "yes" if so else "no") for what, so in rows])]


def _codes(profile: Profile) -> list[str]:
    if not profile.codes:
        return []
    rows = [(f"`{reason}`", f"`{code}`") for reason, code in sorted(profile.codes.items())]
    return ["## Its own words", _table(("reason", "its code"), rows)]


def _compliance(profile: Profile) -> str:
    told = profile.compliance.note.strip()
    if not profile.compliance.waiver_needed:
        return told
    why = "payouts are re-routed (转代付)" if profile.compliance.rerouted_payout else "the platform holds the money"
    return f"{told}\n\n**Needs a waiver**, because {why}: {WAIVER}"


def _differs(profile: Profile, profiles: Sequence[Profile]) -> str:
    first = next((it for it in profiles if it.name == FIRST.get(profile.family)), None)
    if first is None:
        return "It is the only one of its family."
    if first.name == profile.name:
        return "The others of its family are compared with this one."
    rows = [
        (f"`{name}`", _shown(getattr(profile, name)), _shown(getattr(first, name)))
        for name in Profile.__struct_fields__
        if name not in UNTOLD and getattr(profile, name) != getattr(first, name)
    ]
    if not rows:
        return f"In no figure from [`{first.name}`]({first.name}.md): another rail for the same service."
    return _table(("field", "here", f"[`{first.name}`]({first.name}.md)"), rows)


def _custody_name(profile: Profile) -> str:
    custody = profile.custody
    if custody is None:
        return "pool"
    if custody.guarantee_phase:
        return "supervised pooled account: guarantee, then sub-account"
    return "intermediate account" + (", moved by hand" if custody.by_hand else "")


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)


def _shown(value: Any) -> str:  # noqa: ANN401 - any field of a profile
    plain = msgspec.to_builtins(value)
    return "none" if plain in (None, [], {}) else f"`{msgspec.json.encode(plain).decode()}`"


def _subsidies(amounts: Any, orders: int | None) -> str:  # noqa: ANN401 - a mapping of currencies
    limits = [f"at most {amount} minor units of {currency}" for currency, amount in amounts.items()]
    return ", ".join([f"{_most(orders)} of one order", *limits])


def _cap(cap: Cap) -> str:
    return f"{_percent(cap.default_bp)}, agreed {_percent(cap.least_bp)} to {_percent(cap.most_bp)}"


def _returns(returns: Returns) -> str:
    return f"{_days(returns.days)}, {_most(returns.per_payout_max)} of one payout, from {_list(returns.receiver_kinds)}"


def _most(number: int | None) -> str:
    return "any number" if number is None else f"at most {number}"


def _days(number: int | None) -> str:
    return "at any time" if number is None else f"within {number} days"


def _percent(basis_points: int) -> str:
    return f"{basis_points / 100:g} %"


def _span(seconds: int) -> str:
    for unit, size in (("h", 3_600), ("min", 60)):
        if seconds and not seconds % size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _list(words: Iterable[str]) -> str:
    return ", ".join(words) or "nothing"
