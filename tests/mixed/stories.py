"""What happens to the orders of a mixed run: one kind after the other, each with every seller."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final

from tests.mixed.orders import DRIVER, PARTNER, SHAKY, TERMS, Story, Teller

from ops.send.draft import MerchantDraft, Terms
from shared.messages import ExtraReceiver


def _plain(it: Teller) -> None:
    it.line(it.seller, 10 * it.unit)


def _two_sellers(it: Teller) -> None:
    _plain(it)
    it.line(PARTNER, 20 * it.unit)


def _driver(it: Teller) -> None:
    """Half of what the seller gets goes on to a driver."""
    it.line("at-once", 10 * it.unit)
    it.receivers = (ExtraReceiver(receiver=DRIVER, parent="merchant:at-once", share="percent", value=5_000),)
    it.wanted += Counter({DRIVER: it.wanted["at-once"] // 2})
    it.wanted["at-once"] -= it.wanted[DRIVER]


def _part(it: Teller) -> None:
    _plain(it)
    it.refund(3 * it.unit)


def _whole(it: Teller) -> None:
    _plain(it)
    it.refund(10 * it.unit)


def _three_parts(it: Teller) -> None:
    _plain(it)
    for number, units in enumerate((5, 3, 2), 1):
        it.refund(units * it.unit, number=number)


def _one_of_two(it: Teller) -> None:
    _two_sellers(it)
    it.refund(10 * it.unit)


def _both_of_two(it: Teller) -> None:
    _two_sellers(it)
    it.refund(10 * it.unit)
    it.refund(20 * it.unit, line=2, number=2)


def _two_payments(it: Teller) -> None:
    _plain(it)
    it.parts_minor = (4 * it.unit, 6 * it.unit)
    it.refund(5 * it.unit)


def _frozen(it: Teller) -> None:
    _plain(it)
    it.case()


def _frozen_and_refunded(it: Teller) -> None:
    _frozen(it)
    it.refund(2 * it.unit)


def _charged_back(it: Teller) -> None:
    _plain(it)
    it.move("chargeback", 10 * it.unit)


def _charged_back_of_two(it: Teller) -> None:
    _two_sellers(it)
    it.move("chargeback", 15 * it.unit)


def _won(it: Teller) -> None:
    _plain(it)
    it.move("chargeback", 10 * it.unit)
    it.move("chargeback_reversed", 10 * it.unit, reverses=f"{it.order_id}-chargeback")


def _console(it: Teller) -> None:
    _plain(it)
    it.move("console_refund", 4 * it.unit)


def _failing(it: Teller) -> None:
    it.line(SHAKY, 10 * it.unit)


def _failing_and_refunded(it: Teller) -> None:
    _failing(it)
    it.refund(6 * it.unit)


KINDS: Final[tuple[Callable[[Teller], None], ...]] = (
    *(_plain,) * 5,
    *(_two_sellers,) * 2,
    _driver,
    _part,
    _whole,
    _three_parts,
    _one_of_two,
    _both_of_two,
    _two_payments,
    _frozen,
    _frozen_and_refunded,
    _charged_back,
    _charged_back_of_two,
    _won,
    _console,
    _failing,
    _failing_and_refunded,
    _plain,
)
"""What happens to an order, by its number. No divisor of the number of sellers: every seller has every kind."""


def merchants(marketplace: str) -> Iterator[MerchantDraft]:
    """Return everybody who sells, and the driver, who may be paid once it is known."""
    for merchant, terms in {**TERMS, DRIVER: Terms()}.items():
        yield MerchantDraft(marketplace=marketplace, merchant=merchant, name=merchant, agreement=terms)


def story(marketplace: str, number: int) -> Story:
    """Return an order and what becomes of it."""
    it = Teller(marketplace, number)
    KINDS[number % len(KINDS)](it)
    it.progress()
    return Story(it.order(), tuple(it.told), it.wanted, it.back_minor)
