"""Sending orders as upstream systems and their buyers would: read, agree, fund, pay, publish, remember. No judging here."""
