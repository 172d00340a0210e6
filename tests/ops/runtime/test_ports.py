"""Ports are kept between starts when they are free, and never given twice."""

import socket

from ops.runtime import ports


def test_each_name_gets_a_port_of_its_own() -> None:
    chosen = ports.choose(("a", "b", "c"))
    assert len(set(chosen.values())) == 3
    assert all(ports.PORT_MIN <= port < ports.PORT_MAX for port in chosen.values())


def test_a_free_port_is_kept_and_a_taken_one_is_replaced() -> None:
    kept = ports.choose(("a", "b"))
    with socket.socket() as other:
        other.bind(("127.0.0.1", kept["b"]))
        other.listen()
        assert ports.is_open(kept["b"])
        chosen = ports.choose(("a", "b", "c"), kept)
    assert chosen["a"] == kept["a"]
    assert chosen["b"] != kept["b"]
    assert not ports.is_open(chosen["b"])
