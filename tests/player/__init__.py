"""Plays payments for money back, until payments carries out refunds: answers refund-requested, tells channel-moved.

Its rules are pure (`course`), so that a test without Kafka can use them too; `player` plays them on the real topics.
"""
