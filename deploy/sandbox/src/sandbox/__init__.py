"""The sandbox institution: a separate party that holds and moves the money, with its own books and its own store."""
