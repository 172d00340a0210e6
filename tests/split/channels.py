"""A marketplace that has an account at WeChat too, and orders that are paid there."""

from pathlib import Path

import msgspec
from tests.split.examples import payment

from shared.messages import SplitRequested

WECHAT = "wechat-profit-sharing"
ECOMMERCE = "wechat-ecommerce"

FILE = """
marketplaces:
  - id: test-*
    zone: Asia/Shanghai
    day_cut: "00:00"
    sources: [/upstream/*]
    channel_accounts:
      - {profile: sandbox-direct, account: "{marketplace}"}
      - {profile: wechat-profit-sharing, account: "{marketplace}"}
      - {profile: wechat-ecommerce, account: "{marketplace}"}
"""


def marketplaces(folder: Path) -> Path:
    """Write the marketplaces file into a folder."""
    path = folder / "marketplaces.yaml"
    path.write_text(FILE, encoding="utf-8")
    return path


def at_channel(order: SplitRequested, name: str, **payments: int) -> SplitRequested:
    """Return the order as it is paid at another channel: in one payment, or in one of each of these sellers."""
    several = [
        msgspec.structs.replace(payment(amount), channel_profile=name, merchant=seller, channel_payment_id=seller)
        for seller, amount in payments.items()
    ]
    one = [msgspec.structs.replace(order.payments[0], channel_profile=name)]
    return msgspec.structs.replace(order, payments=tuple(several or one))
