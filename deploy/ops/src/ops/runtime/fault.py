"""The one way in which starting or stopping a cluster fails. Nothing else lives here."""


class ClusterFault(Exception):  # noqa: N818 - a fault of the machine or its set-up, told to a person; not an error of the caller
    """The cluster could not be started or stopped; the message tells a person what to do."""
