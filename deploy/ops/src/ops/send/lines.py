"""Reads a file of orders line by line, plain or gzip, in bounded memory. A bad line is named, with its cause.

The format `weir` has one JSON object a line: an order-paid or an order-progressed (an object with `progress_id`) as
docs/schemas has them, or a merchant with its agreement (an object with `agreement`). The format `olist` has rows of
ops.olist. Nothing is skipped but empty lines.
"""

import gzip
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO, Final, cast

import msgspec

from ops import olist
from ops.send.draft import Item, MerchantDraft
from shared.marketplaces import Marketplace
from shared.messages import OrderPaid, OrderProgressed
from shared.messages.contract import Decoder

LINE_BYTES_MAX: Final = 2 * 1024 * 1024
"""Twice what Kafka takes as a record: a longer line is not an order."""

GZIP_MAGIC: Final = b"\x1f\x8b"


class Format(StrEnum):
    """The layouts that `weir send` reads."""

    WEIR = "weir"
    OLIST = "olist"


class BadLineError(ValueError):
    """A line, or the file from that line on, cannot be used."""

    def __init__(self, path: Path, number: int, cause: str) -> None:
        """Name the line as an editor would."""
        super().__init__(f"{path}:{number}: {cause}")
        self.number = number
        self.cause = cause


@dataclass(frozen=True, slots=True)
class Line:
    """What one line says, and where it stands."""

    number: int
    item: Item


Decode = Callable[[bytes], Item]


def read(path: Path, decode: Decode) -> Iterator[Line]:
    """Return the lines of a file, decoded.

    Raises:
        BadLineError: with the number of the first line that cannot be used.
        OSError: the file cannot be opened.

    """
    number = 0
    with _open(path) as file:
        try:
            while text := file.readline(LINE_BYTES_MAX + 1):
                number += 1
                if len(text) > LINE_BYTES_MAX:
                    raise BadLineError(path, number, f"the line is longer than {LINE_BYTES_MAX:,} bytes")
                if not text.strip():
                    continue
                yield Line(number, decode(text))
        except msgspec.MsgspecError as error:
            raise BadLineError(path, number, str(error)) from error
        except RecursionError as error:
            raise BadLineError(path, number, "the line is nested too deeply") from error
        except UnicodeDecodeError as error:
            raise BadLineError(path, number, "the line is not UTF-8") from error
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise BadLineError(path, number + 1, f"the gzip file is damaged: {error}") from error


def _open(path: Path) -> BinaryIO:
    with path.open("rb") as file:
        packed = file.read(2) == GZIP_MAGIC
    return cast("BinaryIO", gzip.open(path, "rb")) if packed else path.open("rb")


def weir_decoder(tenant: Marketplace | None) -> Decode:
    """Return the decoder of the format `weir`. With `tenant` every line is made one of that marketplace."""
    orders = Decoder(OrderPaid)
    progress = Decoder(OrderProgressed)
    merchants = Decoder(MerchantDraft)
    kinds = msgspec.json.Decoder(_Kind)

    def decode(text: bytes) -> Item:
        kind = kinds.decode(text)
        if kind.agreement is not msgspec.UNSET:
            return moved(merchants.decode(text), tenant)
        if kind.progress_id is not msgspec.UNSET:
            return moved(progress.decode(text), tenant)
        return moved_order(orders.decode(text), tenant)

    return decode


class _Kind(msgspec.Struct):
    agreement: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    progress_id: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


def moved[It: MerchantDraft | OrderProgressed](item: It, tenant: Marketplace | None) -> It:
    """Return the merchant, or the progress, as one of `tenant`."""
    return item if tenant is None else msgspec.structs.replace(item, marketplace=tenant.id)


def moved_order(order: OrderPaid, tenant: Marketplace | None) -> OrderPaid:
    """Return the order as one of `tenant`, paid into its first channel account of the same profile."""
    if tenant is None:
        return order
    accounts = {it.profile: it.account for it in reversed(tenant.channel_accounts)}
    payments = tuple(
        msgspec.structs.replace(it, channel_account=accounts.get(it.channel_profile, it.channel_account))
        for it in order.payments
    )
    return msgspec.structs.replace(order, marketplace=tenant.id, payments=payments)


def olist_decoder(tenant: Marketplace) -> Decode:
    """Return the decoder of the format `olist` for orders of `tenant`."""
    rows = msgspec.json.Decoder(olist.Row)
    account = tenant.channel_accounts[0].account
    return lambda text: olist.order_paid(rows.decode(text), tenant.id, account)
