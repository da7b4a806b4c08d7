"""Published policies as tables of facts.

Each line is one sub-policy: op, probability, level on 0..9; the magnitude is level / 9. Ops without
a magnitude ignore their level. Source: Cubuk et al. 2019 (arXiv:1805.09501), as in
DeepVoltaire/AutoAugment and torchvision, which agree on all 75 sub-policies.
"""

from __future__ import annotations

from variegate.ops.registry import get
from variegate.policy.nodes import Step, Strength

TABLES = {
    "cifar10": """
        Invert 0.1 7; Contrast 0.2 6
        Rotate 0.7 2; TranslateX 0.3 9
        Sharpness 0.8 1; Sharpness 0.9 3
        ShearY 0.5 8; TranslateY 0.7 9
        AutoContrast 0.5 8; Equalize 0.9 2
        ShearY 0.2 7; Posterize 0.3 7
        Color 0.4 3; Brightness 0.6 7
        Sharpness 0.3 9; Brightness 0.7 9
        Equalize 0.6 5; Equalize 0.5 1
        Contrast 0.6 7; Sharpness 0.6 5
        Color 0.7 7; TranslateX 0.5 8
        Equalize 0.3 7; AutoContrast 0.4 8
        TranslateY 0.4 3; Sharpness 0.2 6
        Brightness 0.9 6; Color 0.2 8
        Solarize 0.5 2; Invert 0.0 3
        Equalize 0.2 0; AutoContrast 0.6 0
        Equalize 0.2 8; Equalize 0.6 4
        Color 0.9 9; Equalize 0.6 6
        AutoContrast 0.8 4; Solarize 0.2 8
        Brightness 0.1 3; Color 0.7 0
        Solarize 0.4 5; AutoContrast 0.9 3
        TranslateY 0.9 9; TranslateY 0.7 9
        AutoContrast 0.9 2; Solarize 0.8 3
        Equalize 0.8 8; Invert 0.1 3
        TranslateY 0.7 9; AutoContrast 0.9 1
    """,
    "imagenet": """
        Posterize 0.4 8; Rotate 0.6 9
        Solarize 0.6 5; AutoContrast 0.6 5
        Equalize 0.8 8; Equalize 0.6 3
        Posterize 0.6 7; Posterize 0.6 6
        Equalize 0.4 7; Solarize 0.2 4
        Equalize 0.4 4; Rotate 0.8 8
        Solarize 0.6 3; Equalize 0.6 7
        Posterize 0.8 5; Equalize 1.0 2
        Rotate 0.2 3; Solarize 0.6 8
        Equalize 0.6 8; Posterize 0.4 6
        Rotate 0.8 8; Color 0.4 0
        Rotate 0.4 9; Equalize 0.6 2
        Equalize 0.0 7; Equalize 0.8 8
        Invert 0.6 4; Equalize 1.0 8
        Color 0.6 4; Contrast 1.0 8
        Rotate 0.8 8; Color 1.0 2
        Color 0.8 8; Solarize 0.8 7
        Sharpness 0.4 7; Invert 0.6 8
        ShearX 0.6 5; Equalize 1.0 9
        Color 0.4 0; Equalize 0.6 3
        Equalize 0.4 7; Solarize 0.2 4
        Solarize 0.6 5; AutoContrast 0.6 5
        Invert 0.6 4; Equalize 1.0 8
        Color 0.6 4; Contrast 1.0 8
        Equalize 0.8 8; Equalize 0.6 3
    """,
    "svhn": """
        ShearX 0.9 4; Invert 0.2 3
        ShearY 0.9 8; Invert 0.7 5
        Equalize 0.6 5; Solarize 0.6 6
        Invert 0.9 3; Equalize 0.6 3
        Equalize 0.6 1; Rotate 0.9 3
        ShearX 0.9 4; AutoContrast 0.8 3
        ShearY 0.9 8; Invert 0.4 5
        ShearY 0.9 5; Solarize 0.2 6
        Invert 0.9 6; AutoContrast 0.8 1
        Equalize 0.6 3; Rotate 0.9 3
        ShearX 0.9 4; Solarize 0.3 3
        ShearY 0.8 8; Invert 0.7 4
        Equalize 0.9 5; TranslateY 0.6 6
        Invert 0.9 4; Equalize 0.6 7
        Contrast 0.3 3; Rotate 0.8 4
        Invert 0.8 5; TranslateY 0.0 2
        ShearY 0.7 6; Solarize 0.4 8
        Invert 0.6 4; Rotate 0.8 4
        ShearY 0.3 7; TranslateX 0.9 3
        ShearX 0.1 6; Invert 0.6 5
        Solarize 0.7 2; TranslateY 0.6 7
        ShearY 0.8 4; Invert 0.8 8
        ShearX 0.7 9; TranslateY 0.8 3
        ShearY 0.8 5; AutoContrast 0.7 3
        ShearX 0.7 2; Invert 0.1 5
    """,
}


def sub_policies(table: str) -> tuple[tuple[Step, ...], ...]:
    """The sub-policies of a table, each a tuple of steps in order."""
    return tuple(
        tuple(_step(*entry.split()) for entry in line.split(";"))
        for line in TABLES[table].strip().split("\n")
    )


def _step(name: str, probability: str, level: str) -> Step:
    magnitude = int(level) / 9
    strength = Strength(magnitude, magnitude) if get(name).has_magnitude else None
    return Step(name, p=float(probability), magnitude=strength)
