"""Between what is stored and what institutions do: lanes from memory, and a sweep for what a crash left behind.

Nothing here decides what an answer means; that is the domain's.
"""
