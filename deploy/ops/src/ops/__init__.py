"""The operator's command line `weir` and the local cluster."""
