"""The institution's file, an SQLite database: its tables and its transactions, nothing else. Only here is SQL."""
