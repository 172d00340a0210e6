"""Sending orders and their progress as upstream systems and buyers would: read, fund, pay, publish. No judging here."""
