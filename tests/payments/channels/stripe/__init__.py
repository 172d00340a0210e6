"""Stripe's adapter against a counterpart that keeps books and forgets idempotency keys."""
