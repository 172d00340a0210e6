"""Promised stories, told through the whole cluster from outside. A package, so that its cluster ends with it."""
