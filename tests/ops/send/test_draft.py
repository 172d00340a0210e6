"""What an order may need of the platform's own money."""

import msgspec

from ops import sample
from ops.send.draft import marketing_needed
from shared.messages import Adjustment, ChannelPayment, OrderPaid


def order(adjustments: tuple[Adjustment, ...] = (), fee_minor: int = 0) -> OrderPaid:
    plain = sample.order("demo-x", "demo-x", "r", 0)
    payment = ChannelPayment(
        channel_profile="sandbox-direct",
        channel_account="demo-x",
        channel_payment_id="p",
        amount_minor=1_000,
        fee_minor=fee_minor,
    )
    return msgspec.structs.replace(plain, adjustments=adjustments, payments=(payment,))


def test_what_marketing_bears_must_be_funded() -> None:
    off = Adjustment(kind="discount", amount_minor=-30, party="platform:marketing")
    subsidy = Adjustment(kind="subsidy", amount_minor=-12, party="platform:marketing")
    assert marketing_needed(order((off, subsidy))) == 42


def test_what_others_bear_or_the_platform_gets_needs_no_funds() -> None:
    off = Adjustment(kind="discount", amount_minor=-30, party="merchant:tea-house")
    surcharge = Adjustment(kind="surcharge", amount_minor=12, party="platform:fee")
    assert marketing_needed(order((off, surcharge))) == 0


def test_a_fee_may_be_more_than_the_commission_that_bears_it() -> None:
    assert marketing_needed(order(fee_minor=6)) == 6
