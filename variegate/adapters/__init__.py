"""Bridges to other libraries: frameworks that call a policy, each imported only inside the function
that needs it, and other libraries' ways of writing one.
"""
