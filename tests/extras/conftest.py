"""Tests of the optional packages: `make test-extras` installs these and runs this folder.

The default run leaves the folder out (`norecursedirs`): Ray alone is 240 MB.
"""

from __future__ import annotations

import os

# Keras reads it once, when it is imported first.
os.environ.setdefault("KERAS_BACKEND", "torch")
