"""The rules of aftersale: which paid order stands, and what a refusal by payments makes of it. Pure: no I/O."""
