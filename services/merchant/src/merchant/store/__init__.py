"""MongoDB mapping of merchant: merchants with agreements, statements. Every index stands beside its query."""

from typing import Final

from merchant.store import merchants, statements
from shared.mongo import Index

INDEXES: Final[dict[str, list[Index]]] = {**merchants.INDEXES, **statements.INDEXES}
