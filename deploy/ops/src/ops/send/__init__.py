"""Sending orders as upstream systems and their buyers would: read, agree, fund, pay, publish. No judging here."""
