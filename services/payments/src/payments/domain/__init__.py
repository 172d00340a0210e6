"""The rules of the money edge: claims, proofs, lifecycles, payouts. Pure: no clock, no ids but derived ones, no I/O."""
