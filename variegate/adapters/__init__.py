"""Bridges to other libraries, each imported only inside the function that needs it."""
