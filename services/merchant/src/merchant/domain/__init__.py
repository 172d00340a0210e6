"""The rules of merchant: what may be agreed and from when, and what a payout leaves on a statement. Pure: no I/O."""
