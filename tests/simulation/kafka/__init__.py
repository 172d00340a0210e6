"""Kafka in memory: what Weir uses of it, and no more. tests/simulation/contract proves it equal to the real one."""
