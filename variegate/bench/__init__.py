"""Speed against other libraries: each in its own process, timed in turn."""
