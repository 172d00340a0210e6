"""The institution's MongoDB: its mapping and its transactions, nothing else. Only here is the driver named."""
