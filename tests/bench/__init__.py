"""`make bench`: how fast Weir is, beside the floor that bare clients reach with the same work on the same machine."""
