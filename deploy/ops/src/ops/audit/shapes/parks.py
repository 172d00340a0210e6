"""What waits in a service behind a record that it could not take; every service keeps it alike."""

from collections.abc import Callable
from typing import Final

from bson.datetime_ms import DatetimeMS

from ops.audit.rows import Parked
from ops.audit.shapes import Rows, Source, Stored, by_key, ms
from ops.stores import SERVICES, prefixed
from shared.parking import PARKS


class Park(Stored, frozen=True, kw_only=True):
    """An order that is parked."""

    reason: str
    since: DatetimeMS


def _parked(service: str) -> Callable[[Park], Rows]:
    def rows(it: Park) -> Rows:
        yield it.id, Parked(it.id, service, it.reason, ms(it.since))

    return rows


ALL: Final = tuple(
    Source(service, PARKS, ("reason", "since"), Park, _parked(service), prefixed, by_key) for service in SERVICES
)
