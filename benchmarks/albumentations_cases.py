"""What is compared with Albumentations 2.0.8: transforms with their arguments. Needs NumPy only, so
that it runs beside either library.

how: "once" where the arguments leave nothing to chance, so that pixels are compared; "set" where
one of few results is drawn, so that the sets are compared; "draws" where too much is random, so
that the mean change of 64 draws is compared.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

DRAWS = 64
GRID = (4, 6)  # blocks whose means are kept


class Case(NamedTuple):
    """One row of the table. why: what makes a difference, where there is one. targets: what goes
    along with the image on both sides; theirs: on their side alone.
    """

    name: str
    arguments: Mapping[str, Any]
    how: str = "once"
    why: str = ""
    targets: Mapping[str, Any] = {}
    theirs: Mapping[str, Any] = {}


BILINEAR = "weights of 1/32 pixel there, finer here"
EDGE = f"{BILINEAR}; there the outermost pixels are blended with the fill"
SHIFT = f"{EDGE}; shifts are whole pixels there"
ONE, NONE = (1.0, 1.0), (0.0, 0.0)


def as_it_is(image: Any) -> Any:
    """The read_fn of references that are arrays."""
    return image


def waves(height: int = 240, width: int = 320) -> Any:
    """A made-up reference (h, w, 3) uint8: waves of its own for each channel."""
    y, x = np.mgrid[:height, :width] / height
    parts = [np.sin(9 * x + 3 * y), np.sin(4 * y), np.cos(5 * x - 6 * y)]
    return np.rint(np.stack(parts, axis=2) * 90 + (150, 110, 90)).astype(np.uint8)


def discs(height: int = 240, width: int = 320) -> Any:
    """A mask (h, w) uint8 of two discs."""
    y, x = np.mgrid[:height, :width]
    near = [(y - 80) ** 2 + (x - a) ** 2 < 50**2 for a in (90, 230)]
    return np.where(near[0], 1, np.where(near[1], 2, 0)).astype(np.uint8)


REFERENCE = {"reference_images": [waves()], "read_fn": as_it_is}
NO_MORE = {"hm_metadata": [], "fda_metadata": []}  # without them it refuses to run
JITTER = {"brightness": ONE, "contrast": ONE, "saturation": ONE, "hue": NONE}

CASES = (
    Case("NoOp", {}),
    Case("HorizontalFlip", {}),
    Case("VerticalFlip", {}),
    Case("Transpose", {}),
    Case("RandomRotate90", {}, "set"),
    Case("D4", {}, "set"),
    Case("SquareSymmetry", {}, "set"),
    Case("Rotate", {"limit": (20, 20)}, why=EDGE),
    Case("Rotate", {"limit": (20, 20), "border_mode": 1}, why=BILINEAR),
    Case("Rotate", {"limit": (20, 20), "interpolation": 0}, why="ties between two pixels"),
    Case(
        "SafeRotate",
        {"limit": (20, 20)},
    ),
    Case("Affine", {"rotate": (15, 15), "scale": (1.1, 1.1)}, why=EDGE),
    Case("Affine", {"shear": {"x": (8, 8), "y": (4, 4)}}, why=EDGE),
    Case(
        "Affine",
        {
            "rotate": (15, 15),
            "scale": {"x": (1.2, 1.2), "y": (0.9, 0.9)},
            "shear": {"x": (8, 8), "y": (0, 0)},
            "translate_percent": {"x": (0.1, 0.1), "y": (-0.05, -0.05)},
        },
        why=SHIFT,
    ),
    Case(
        "ShiftScaleRotate",
        {"shift_limit": (0.05, 0.05), "scale_limit": (0.1, 0.1), "rotate_limit": (10, 10)},
        why=SHIFT,
    ),
    Case("Perspective", {"scale": (0.08, 0.08)}, "draws", "other corners"),
    Case(
        "OpticalDistortion",
        {"distort_limit": (0.2, 0.2)},
    ),
    Case("ElasticTransform", {"alpha": 60, "sigma": 8}, "draws", "another field"),
    Case("GridDistortion", {"num_steps": 4}, "draws", "another grid"),
    Case("PiecewiseAffine", {}, "draws", "evenly drawn nodes"),
    Case("ThinPlateSpline", {}, "draws", "evenly drawn control points"),
    Case("Resize", {"height": 120, "width": 200}, why=BILINEAR),
    Case("Resize", {"height": 300, "width": 420}, why=BILINEAR),
    Case("LongestMaxSize", {"max_size": 200}, why=BILINEAR),
    Case("SmallestMaxSize", {"max_size": 150}, why=BILINEAR),
    Case("RandomScale", {"scale_limit": (0.25, 0.25)}, why=BILINEAR),
    Case("Pad", {"padding": 12}),
    Case("PadIfNeeded", {"min_height": 300, "min_width": 400}),
    Case("CenterCrop", {"height": 150, "width": 200}),
    Case("Crop", {"x_min": 20, "y_min": 30, "x_max": 220, "y_max": 180}),
    Case("RandomCrop", {"height": 240, "width": 320}),
    Case("RandomCropFromBorders", {}, "draws", "the far side's range is one pixel wider there"),
    Case("CropAndPad", {"percent": 0.1}, why="there padded first and then resized"),
    Case("CropAndPad", {"percent": -0.1}, why=BILINEAR),
    Case(
        "RandomResizedCrop",
        {"size": (120, 160), "scale": ONE, "ratio": (4 / 3, 4 / 3)},
        why=BILINEAR,
    ),
    Case(
        "RandomSizedCrop",
        {"min_max_height": (240, 240), "size": (180, 240), "w2h_ratio": 4 / 3},
        why=BILINEAR,
    ),
    Case(
        "RandomBrightnessContrast", {"brightness_limit": (0.1, 0.1), "contrast_limit": (0.2, 0.2)}
    ),
    Case("ColorJitter", {**JITTER, "brightness": (1.2, 1.2)}),
    Case("ColorJitter", {**JITTER, "contrast": (1.3, 1.3)}, why="the mean gray is rounded here"),
    Case("ColorJitter", {**JITTER, "saturation": (1.4, 1.4)}, why="Pillow's gray here"),
    Case("ColorJitter", {**JITTER, "hue": (0.05, 0.05)}),
    Case(
        "HueSaturationValue",
        {"hue_shift_limit": (8, 8), "sat_shift_limit": (15, 15), "val_shift_limit": (10, 10)},
    ),
    Case(
        "RGBShift", {f"{c}_shift_limit": (v, v) for c, v in zip("rgb", (20, -10, 5), strict=True)}
    ),
    Case("ToGray", {}, why="rounding"),
    Case("ToSepia", {}, why="rounding; there cut off"),
    Case("InvertImg", {}),
    Case("Posterize", {"num_bits": 4}),
    Case("Solarize", {"threshold_range": (0.5, 0.5)}),
    Case("Equalize", {"mode": "pil"}),
    Case("Equalize", {"mode": "cv"}),
    Case("AutoContrast", {"method": "pil"}, why="rounding"),
    Case("AutoContrast", {"method": "cdf"}),
    Case("RandomGamma", {"gamma_limit": (140, 140)}, why="there cut off, here rounded"),
    Case("RandomToneCurve", {"scale": 0.0}, why="rounding"),
    Case("PlanckianJitter", {}, "draws", "evenly drawn temperatures"),
    Case("ChannelShuffle", {}, "set"),
    Case("ChannelDropout", {}, "set"),
    Case("GaussianBlur", {"sigma_limit": (1.5, 1.5)}, why="the window ends at 3 sigma here"),
    Case("GaussNoise", {"std_range": (0.1, 0.1)}, "draws", "other random numbers"),
    Case(
        "ImageCompression",
        {"quality_range": (50, 50)},
    ),
    Case(
        "CoarseDropout",
        {
            "num_holes_range": (3, 3),
            "hole_height_range": (0.2, 0.2),
            "hole_width_range": (0.2, 0.2),
        },
        "draws",
        "other places",
    ),
    Case("Erasing", {}, "draws", "areas that do not fit are drawn again here"),
    Case("GridDropout", {"random_offset": False, "ratio": 0.4}, why="cells are rounded to pixels"),
    Case("GridDropout", {}, "draws", "other places"),
    Case("Normalize", {}, why="single precision"),
    # From neighbors.
    Case("Blur", {"blur_limit": (5, 5)}, why="rounding"),
    Case("MedianBlur", {"blur_limit": (5, 5)}),
    Case(
        "MotionBlur",
        {
            "blur_limit": (7, 7),
            "angle_range": (0, 0),
            "direction_range": NONE,
            "allow_shifted": False,
        },
        why="another line",
    ),
    Case("Defocus", {"radius": (4, 4), "alias_blur": (0.2, 0.2)}),
    Case("ZoomBlur", {"max_factor": (1.1, 1.1), "step_factor": (0.02, 0.02)}),
    Case("GlassBlur", {"sigma": 0.7, "max_delta": 2}, "draws", "other swaps"),
    Case("Sharpen", {"alpha": (0.3, 0.3), "lightness": ONE}, why="rounding"),
    Case(
        "UnsharpMask",
        {"blur_limit": (7, 7), "sigma_limit": ONE, "alpha": (0.4, 0.4), "threshold": 0},
        why="rounding; the mask is soft there",
    ),
    Case("Emboss", {"alpha": (0.3, 0.3), "strength": (0.5, 0.5)}, why="rounding"),
    Case("CLAHE", {"clip_limit": (3.0, 3.0)}),
    Case("Downscale", {"scale_range": (0.5, 0.5)}),
    # Noise, weather and the rest.
    Case(
        "ISONoise", {"color_shift": (0.03, 0.03), "intensity": (0.3, 0.3)}, "draws", "other model"
    ),
    Case("ShotNoise", {"scale_range": (0.2, 0.2)}, "draws", "other random numbers"),
    Case("MultiplicativeNoise", {"multiplier": (1.2, 1.2)}, why="rounding"),
    Case("SaltAndPepper", {"amount": (0.05, 0.05)}, "draws", "other random numbers"),
    Case("PixelDropout", {"dropout_prob": 0.05}, "draws", "other random numbers"),
    Case("FancyPCA", {"alpha": 0.1}, "draws", "other random numbers"),
    Case("RandomGridShuffle", {"grid": (3, 3)}, "draws", "other orders"),
    Case("RandomFog", {}, "draws", "another fog"),
    Case("RandomRain", {}, "draws", "other drops"),
    Case("RandomSnow", {}, "draws", "another snow"),
    Case("RandomShadow", {}, "draws", "other shapes"),
    Case("RandomSunFlare", {"src_radius": 60}, "draws", "other circles"),
    Case("Illumination", {}, "draws", "other directions"),
    Case("XYMasking", {"num_masks_x": (2, 2), "mask_x_length": (20, 20)}, "draws", "other places"),
    Case("XYMasking", {"num_masks_y": 3, "mask_y_length": (5, 30)}, "draws", "other places"),
    Case("MaskDropout", {"max_objects": (1, 1), "fill": 9}, "set", targets={"mask": discs()}),
    Case("MaskDropout", {"max_objects": (2, 2)}, targets={"mask": discs()}),
    Case("HistogramMatching", {**REFERENCE, "blend_ratio": ONE}, theirs=NO_MORE),
    Case("HistogramMatching", {**REFERENCE, "blend_ratio": (0.5, 0.5)}, theirs=NO_MORE),
    Case("FDA", {**REFERENCE, "beta_limit": (0.05, 0.05)}, theirs=NO_MORE),
    Case("FDA", {**REFERENCE, "beta_limit": (0.1, 0.1)}, theirs=NO_MORE),
    Case(
        "Mosaic",
        {"target_size": (240, 320), "cell_shape": (240, 320)},
        "draws",
        "other places",
        theirs={"mosaic_metadata": []},
    ),
    Case("AdvancedBlur", {}, "draws", "no generalized kernel here"),
    Case("AdditiveNoise", {}, "draws", ""),
    Case("ChromaticAberration", {}, "draws", ""),
    Case("Superpixels", {}, "draws", ""),
    Case("Morphological", {"scale": (3, 3)}, "draws", ""),
    Case("RingingOvershoot", {}, "draws", ""),
    Case("Spatter", {}, "draws", ""),
    Case("PlasmaBrightnessContrast", {}, "draws", ""),
    Case("PlasmaShadow", {}, "draws", ""),
    Case("RandomGravel", {}, "draws", ""),
)


def key(case: Case) -> str:
    """Name and arguments as one line."""
    inside = ", ".join(f"{name}={_text(value)}" for name, value in case.arguments.items())
    return f"{case.name}({inside})"


def _text(value: Any) -> str:
    if callable(value):
        return str(value.__name__)
    if isinstance(value, np.ndarray):
        return f"an image of {value.shape[0]} x {value.shape[1]}"
    if isinstance(value, (tuple, list)):
        return "(" + ", ".join(_text(v) for v in value) + ")"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{k}: {_text(v)}" for k, v in value.items()) + "}"
    return f"{value:.4g}" if isinstance(value, float) else repr(value)


def blocks(image: Any) -> list[list[float]]:
    """The means of GRID blocks, rows first, one list a channel."""
    array = np.asarray(image, dtype=np.float64)
    rows = np.array_split(array, GRID[0], axis=0)
    means = [[b.mean(axis=(0, 1)) for b in np.array_split(r, GRID[1], axis=1)] for r in rows]
    flat = np.asarray(means).reshape(GRID[0] * GRID[1], -1)
    return [[round(float(v), 3) for v in channel] for channel in flat.T]


def measured(case: Case, call: Callable[[Any], Any], image: Any) -> dict[str, Any]:
    """What is known of one side: the output, the distinct outputs, or the mean change a draw."""
    if case.how == "once":
        return {"image": np.asarray(call(image))}
    if case.how == "set":
        found = {np.asarray(call(image)).tobytes() for _ in range(DRAWS)}
        return {"set": sorted(_hash(each) for each in found)}
    changes = []
    for _ in range(DRAWS):
        out = np.asarray(call(image), dtype=np.float64)
        same = out.shape == image.shape
        changes.append(np.abs(out - image).mean() if same else out.size / image.size)
    return {"mean": float(np.mean(changes)), "std": float(np.std(changes))}


def _hash(data: bytes) -> str:
    import hashlib

    return hashlib.sha256(data).hexdigest()[:16]
