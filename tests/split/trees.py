"""Trees of receivers for the tests of split: wide ones and deep ones, at the limits and beyond them."""

from collections import defaultdict
from typing import Any

from hypothesis import strategies as st
from tests.split.examples import extra

from shared.messages import ExtraReceiver

WHOLE_BP = 10_000

type Parents = dict[str, str]
"""Whose money each receiver gets a part of, in the order in which they stand in the order-paid."""


@st.composite
def trees(draw: st.DrawFn, roots: tuple[str, ...], amount: int) -> tuple[ExtraReceiver, ...]:
    """Draw who stands below whom, then what each gets; most of these trees can be paid out of `amount`."""
    parents = draw(st.one_of(chains(roots), bushes(roots), bushes(roots), crowds(roots)))
    below: dict[str, list[str]] = defaultdict(list)
    for receiver, parent in parents.items():
        below[parent].append(receiver)
    shares = {name: it for children in below.values() for name, it in draw(terms(tuple(children), amount)).items()}
    return tuple(extra(name, parent, *shares[name]) for name, parent in parents.items())


@st.composite
def chains(draw: st.DrawFn, roots: tuple[str, ...]) -> Parents:
    """Put one below the other: some are one level too deep."""
    length = draw(st.integers(1, 6))
    return {f"r{n}": f"receiver:r{n - 1}" if n else draw(st.sampled_from(roots)) for n in range(length)}


@st.composite
def bushes(draw: st.DrawFn, roots: tuple[str, ...]) -> Parents:
    """Put a few receivers anywhere."""
    found: Parents = {}
    for number in range(draw(st.integers(0, 12))):
        found[f"r{number}"] = draw(st.sampled_from([*roots, *(f"receiver:{name}" for name in found)]))
    return found


@st.composite
def crowds(draw: st.DrawFn, roots: tuple[str, ...]) -> Parents:
    """Put about fifty leaves below a handful of depots."""
    depots = [f"d{n}" for n in range(draw(st.integers(1, 4)))]
    above = {name: draw(st.sampled_from(roots)) for name in depots}
    leaves = {f"l{n}": f"receiver:{depots[n % len(depots)]}" for n in range(draw(st.integers(47, 52)))}
    return above | leaves


@st.composite
def terms(draw: st.DrawFn, children: tuple[str, ...], amount: int) -> dict[str, tuple[str, int]]:
    """Draw what each child of a parent gets: percents that mostly fit, fixed amounts that mostly do, one remainder."""
    kinds: list[Any] = draw(
        st.lists(st.sampled_from(("percent", "percent", "fixed")), min_size=len(children), max_size=len(children))
    )
    if draw(st.booleans()):
        kinds[draw(st.integers(0, len(children) - 1))] = "remainder"
    percents = kinds.count("percent")
    each = WHOLE_BP // max(1, percents) + draw(st.sampled_from((0, 0, 0, 0, 1)))
    small = max(1, amount // (10 * len(children)))
    found = {}
    for name, kind in zip(children, kinds, strict=True):
        value = draw(st.integers(0, each)) if kind == "percent" else draw(st.integers(0, small))
        found[name] = (kind, 0 if kind == "remainder" else value)
    return found
