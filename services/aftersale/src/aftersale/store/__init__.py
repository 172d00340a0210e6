"""MongoDB mapping of aftersale: copies of orders and merchants. Every query is by `_id`; no other index is needed."""

from typing import Final

from shared.mongo import Index

INDEXES: Final[dict[str, list[Index]]] = {"orders": [], "merchants": []}
"""All collections: a transaction must not have to make one."""
