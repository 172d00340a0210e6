"""The relationship: merchants, agreements, statement lines."""
