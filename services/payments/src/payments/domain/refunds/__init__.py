"""A refund as payments carries it out: its parts, plans laid one over the other, what stands against a plan. Pure."""
