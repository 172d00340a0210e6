"""What all rows of the audit are."""

import msgspec


class Row(msgspec.Struct, frozen=True, gc=False, array_like=True, tag=True):
    """The first field is what rows are joined by."""
