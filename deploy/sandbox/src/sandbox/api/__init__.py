"""HTTP in: reads a request, hands it to its use case, writes the answer. No rule about money lives here."""
