"""Proves on live stores that no money was lost, made or paid twice. Shares no rule with the services."""
