"""The sandbox institution: a separate party with its own store."""
