"""Reads record batches off the wire even when the name of a header is not UTF-8. Nothing of what a record means.

aiokafka decodes those names inside its iterator: one bad name raises before any parser is asked, on every poll, and
stops its partition for ever. The only module that replaces a part of aiokafka; tests/shared/test_wire.py watches it.
"""

from collections.abc import Iterator
from typing import Any

from aiokafka.consumer import fetcher
from aiokafka.record import default_records, memory_records

Python: Any = default_records._DefaultRecordBatchPy  # noqa: SLF001 - the reader whose buffer can be replaced


def install() -> None:
    """Let every consumer of this process read this way."""
    fetcher.MemoryRecords = Records


class Records(memory_records._MemoryRecordsPy):  # type: ignore[misc] # noqa: SLF001 - aiokafka is untyped; see above
    """The batches of one fetched partition."""

    def next_batch(self) -> Any:  # noqa: ANN401 - aiokafka is untyped
        """Return the next batch, as aiokafka does."""
        content = self._next_slice
        batch = super().next_batch()
        return _Batch(batch, content) if isinstance(batch, default_records.DefaultRecordBatch) else batch


class _Batch:
    """A batch that reads with aiokafka's fast reader, and with its slow one, leniently, from where that fails."""

    def __init__(self, fast: Any, content: Any) -> None:  # noqa: ANN401 - aiokafka is untyped
        self._fast = fast
        self._content = content

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - aiokafka is untyped
        return getattr(self._fast, name)

    def __iter__(self) -> Iterator[Any]:
        read = 0
        try:
            for record in self._fast:
                read += 1
                yield record
        except UnicodeDecodeError:
            slow = Python(self._content)
            iter(slow)  # decompresses
            slow._buffer = _Lenient(slow._buffer)  # noqa: SLF001 - see above
            for number, record in enumerate(slow):
                if number >= read:
                    yield record


class _Lenient(bytearray):
    """Bytes whose parts decode whatever they hold."""

    def __getitem__(self, place: Any) -> Any:  # noqa: ANN401 - as bytearray has it
        found = super().__getitem__(place)
        return _Lenient(found) if isinstance(place, slice) else found

    def decode(self, encoding: str = "utf-8", errors: str = "backslashreplace") -> str:
        """Return the text, with what is no text written as escapes."""
        return super().decode(encoding, errors)
