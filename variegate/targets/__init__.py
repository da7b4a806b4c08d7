"""Targets: what a plan is applied to."""
