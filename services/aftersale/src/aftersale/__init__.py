"""Cases after the sale: for now, its own copy of the paid orders."""
