"""The rules of the books: values in, values out. No clock, no ids, no I/O, no framework; amounts are minor units.

Read in this order: agreements (what was agreed), pots (what a merchant's part of an order brings), earnings (what it
keeps of it), receivers (who is paid out of a share), shares (their lifecycle), orders (a paid order, split and
released), settlements (what an institution did), ledger (the entries that prove it).
"""
