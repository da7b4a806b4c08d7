"""A policy as code for another library, where that has an equivalent."""

from variegate.adapters.code.write import LIBRARIES, to_code

__all__ = ["LIBRARIES", "to_code"]
