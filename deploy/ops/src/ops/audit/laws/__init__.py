"""What must hold of each order, and of the ledger's chain: values in, findings out. Nothing here reads a store."""
