"""How a whole cluster is started and stopped on one machine: as processes (local) or by compose (docker)."""
