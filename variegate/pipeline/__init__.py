"""What a user holds: a policy with a seed and an engine, and how a plan reaches every target."""

from variegate.pipeline.pipeline import Pipeline as Pipeline
