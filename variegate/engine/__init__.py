"""Engines: those who carry out plans."""
