"""Money is an integer of minor units and an ISO 4217 currency. Exact allocation lives here; no float, no I/O."""

from collections.abc import Sequence
from typing import Final

AMOUNT_MINOR_MAX: Final = 10**13
"""The greatest amount of one order or line that is accepted, in minor units; beyond it a claim is a mistake."""

WIRE_INTEGER_MAX: Final = 2**53 - 1
"""Integers in a message stay within what every JSON reader keeps exact."""

_CODES_BY_DECIMALS: Final = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    2: """
        AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF
        CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF
        IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR
        MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD
        SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VES WST XCD YER ZAR
        ZMW ZWG
    """,
    3: "BHD IQD JOD KWD LYD OMR TND",
}

CURRENCY_DECIMALS: Final = {code: decimals for decimals, codes in _CODES_BY_DECIMALS.items() for code in codes.split()}
"""Decimal places of each currency in use (ISO 4217, list one). A currency that is not here is refused."""

BASIS_POINTS: Final = 10_000


def basis_points_of(amount_minor: int, rate_bp: int) -> int:
    """Return `rate_bp` / 10,000 of a non-negative amount, rounded down: the fraction stays with who pays it."""
    return amount_minor * rate_bp // BASIS_POINTS


def allocate(amount_minor: int, weights: Sequence[int]) -> tuple[int, ...]:
    """Divide a non-negative amount in proportion to non-negative weights, by largest remainder; ties go to the earlier.

    The parts sum to `amount_minor` for every input. All weights zero: everything goes to the first.

    Raises:
        ValueError: the amount or a weight is negative, or there is an amount but no weight.

    """
    if amount_minor < 0 or any(weight < 0 for weight in weights):
        message = "amount and weights must not be negative"
        raise ValueError(message)
    if not weights:
        if amount_minor:
            message = "an amount needs at least one weight"
            raise ValueError(message)
        return ()
    total = sum(weights)
    if total == 0:
        return (amount_minor, *(0 for _ in weights[1:]))
    parts = [amount_minor * weight // total for weight in weights]
    remainders = [amount_minor * weight % total for weight in weights]
    left = amount_minor - sum(parts)
    for index in sorted(range(len(weights)), key=lambda index: -remainders[index])[:left]:
        parts[index] += 1
    return tuple(parts)


def by_degrees(weights: Sequence[int], part_minor: int) -> tuple[int, ...]:
    """Say how much of each non-negative weight is done when `part_minor` of their sum is: nested floors.

    The amounts sum to `part_minor`, none is above its weight, and none falls when the part grows, so that what a step
    adds never depends on the steps before it. At the whole they are the weights. The fractions wait for the last.

    Raises:
        ValueError: a weight is negative, or the part is not within 0 and the sum of the weights.

    """
    left, undone = sum(weights), part_minor
    if not 0 <= part_minor <= left or any(weight < 0 for weight in weights):
        message = f"{part_minor} is no part of {left}"
        raise ValueError(message)
    done: list[int] = []
    for weight in weights:
        amount = undone * weight // left if left else 0
        done.append(amount)
        undone -= amount
        left -= weight
    return tuple(done)


def format_minor(amount_minor: int, currency: str) -> str:
    """Return an amount as people write it, such as `-12.05 BRL`; for display only."""
    decimals = CURRENCY_DECIMALS.get(currency, 2)
    sign, digits = ("-" if amount_minor < 0 else ""), str(abs(amount_minor)).rjust(decimals + 1, "0")
    whole, fraction = (digits[:-decimals], "." + digits[-decimals:]) if decimals else (digits, "")
    return f"{sign}{int(whole):,}{fraction} {currency}"
