"""One file per command or group of commands: options, what it prints, exit code. The work is done elsewhere."""
