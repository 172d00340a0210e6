"""The bill of a day, as text: WeChat's in yuan with leading backticks and lines of totals, the others' as CSV."""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Final, Literal, get_args

from sandbox.domain.books import Part

Kind = Literal["payments", "splits", "returns", "refunds", "payouts", "fees"]
Format = Literal["wechat", "csv"]

KINDS: Final = get_args(Kind)
DAY: Final = timedelta(days=1)
CHINA: Final = timezone(timedelta(hours=8))
COLUMNS: Final = ("number", "kind", "of", "receiver", "currency", "amount_minor", "fee_minor", "state", "at")
WECHAT_COLUMNS: Final = (
    "记账时间",
    "业务单号",
    "业务类型",
    "原订单号",
    "收支方",
    "货币",
    "金额(元)",
    "手续费(元)",
    "状态",
)
WECHAT_TOTALS: Final = ("总笔数", "总金额(元)", "总手续费(元)")
WHOLE: Final = {"JPY": 1, "KRW": 1}
"""Currencies without a smaller unit."""


class Line(Part, frozen=True, kw_only=True, gc=False):
    """One line, in minor units."""

    number: str
    kind: str
    of: str | None
    receiver: str | None
    currency: str
    amount_minor: int
    fee_minor: int
    state: str
    at: datetime


def day_of(day: date, format_: Format) -> tuple[datetime, datetime]:
    """Return the first moment of a bill's day, and of the day after: of China's day in WeChat's bill, else in UTC."""
    begin = datetime.combine(day, time(), CHINA if format_ == "wechat" else UTC)
    return begin, begin + DAY


def head(format_: Format) -> str:
    """Return the first line."""
    return _row(WECHAT_COLUMNS if format_ == "wechat" else COLUMNS)


class Bill:
    """The lines of one bill as they come, and the totals behind them."""

    def __init__(self, format_: Format) -> None:
        self._format = format_
        self._count = self._amount_minor = self._fee_minor = 0
        self._currency = "CNY"

    def line(self, it: Line) -> str:
        """Return a line, and count it."""
        self._count += 1
        self._amount_minor += it.amount_minor
        self._fee_minor += it.fee_minor
        self._currency = it.currency
        if self._format == "csv":
            at = it.at.astimezone(UTC).isoformat(timespec="milliseconds")
            fields = (it.number, it.kind, it.of or "", it.receiver or "", it.currency, it.amount_minor, it.fee_minor)
            return _row((*fields, it.state, at))
        at = it.at.astimezone(CHINA).strftime("%Y-%m-%d %H:%M:%S")
        amounts = yuan(it.amount_minor, it.currency), yuan(it.fee_minor, it.currency)
        said = (at, it.number, it.kind, it.of or "", it.receiver or "", it.currency, *amounts, it.state)
        return _row(f"`{field}" for field in said)

    def end(self) -> Iterator[str]:
        """Give the lines of totals, which WeChat's bill has."""
        if self._format == "wechat":
            yield _row(WECHAT_TOTALS)
            amounts = yuan(self._amount_minor, self._currency), yuan(self._fee_minor, self._currency)
            yield _row(f"`{field}" for field in (self._count, *amounts))


def yuan(amount_minor: int, currency: str) -> str:
    """Return an amount in the currency's unit, exactly."""
    if currency in WHOLE:
        return str(amount_minor)
    whole, rest = divmod(abs(amount_minor), 100)
    return f"{'-' if amount_minor < 0 else ''}{whole}.{rest:02}"


def _row(fields: Iterable[object]) -> str:
    return ",".join(_field(str(it)) for it in fields) + "\n"


def _field(text: str) -> str:
    """Return a field as CSV has it: numbers and names of customers may have commas and quotes."""
    return '"' + text.replace('"', '""') + '"' if "," in text or '"' in text else text
