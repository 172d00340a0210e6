"""The institution's rules. Pure: values in, values out; no clock, no ids, no I/O, no framework."""
