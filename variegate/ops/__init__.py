"""Declared ops: one function each, everything else derived."""
