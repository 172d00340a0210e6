"""One file per command (or group of commands): its options, what it prints, and its exit code. The work is done elsewhere."""
