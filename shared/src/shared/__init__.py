"""The kernel that every service imports: money, contracts, and the one message loop."""
