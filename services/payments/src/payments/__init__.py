"""The money edge: proves payments, instructs institutions, reports outcomes."""
