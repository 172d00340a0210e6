"""The floor: what bare clients reach with Weir's reads, writes, messages and institution calls, and nothing else.

No rules, no validation, no laws of the ledger, no retries, no dead letters, no metrics. It is nobody's service: a fault
ends it, and the run with it. Its documents have the fields and indexes of Weir's, so that mongod does the same work.
"""
