"""The books: who is owed what of a paid order, and the ledger that proves it."""
