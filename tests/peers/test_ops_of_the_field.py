"""What other libraries have, by the names that the field uses, is here."""

from __future__ import annotations

import pytest

import variegate as vg

# The ops that at least two widely used libraries share, or one that papers build on, most used
# first; each with its name or names here.
FIELD = {
    "horizontal flip": "HorizontalFlip",
    "normalize": "Normalize",
    "resize": "Resize",
    "random resized crop": "RandomResizedCrop",
    "random crop, padded if needed": "RandomCrop",
    "center crop": "CenterCrop",
    "color jitter": "ColorJitter",
    "RandAugment": "RandAugment",
    "mixup": "MixUp",
    "CutMix": "CutMix",
    "random erasing": "RandomErasing",
    "coarse dropout, cutout": "CoarseDropout Cutout",
    "brightness and contrast": "RandomBrightnessContrast Brightness Contrast",
    "hue, saturation, value": "HueSaturationValue",
    "affine": "Affine",
    "rotate": "Rotate",
    "vertical flip": "VerticalFlip",
    "mosaic": "Mosaic",
    "quarter turns": "RandomRotate90",
    "grayscale": "Grayscale ToGray",
    "Gaussian blur": "GaussianBlur",
    "pad, pad if needed": "Pad PadIfNeeded",
    "longest and smallest side, letterbox": "LongestMaxSize SmallestMaxSize Letterbox",
    "random scale, zoom, scale jitter": "RandomScale Zoom ScaleJitter",
    "TrivialAugment": "TrivialAugment",
    "AutoAugment": "AutoAugment",
    "AugMix": "AugMix",
    "translate": "TranslateX TranslateY",
    "shear": "ShearX ShearY",
    "perspective": "Perspective",
    "crops safe for boxes, by IoU": "BBoxSafeRandomCrop RandomSizedBBoxSafeCrop "
    "AtLeastOneBBoxRandomCrop RandomIoUCrop",
    "copy-paste": "CopyPaste",
    "photometric distort": "RandomPhotometricDistort",
    "Gaussian noise": "GaussianNoise",
    "JPEG": "JpegCompression ImageCompression",
    "motion blur": "MotionBlur",
    "CLAHE": "CLAHE",
    "elastic": "Elastic",
    "gamma": "RandomGamma Gamma",
    "sharpen, sharpness": "Sharpen Sharpness",
    "equalize": "Equalize",
    "autocontrast": "AutoContrast",
    "posterize": "Posterize",
    "solarize, and add": "Solarize SolarizeAdd",
    "invert": "Invert",
    "grid distortion": "GridDistortion",
    "optical distortion, fisheye": "OpticalDistortion Fisheye",
    "transpose, D4": "Transpose D4",
    "median blur": "MedianBlur",
    "box blur": "Blur",
    "RGB shift": "RGBShift",
    "channel shuffle": "ChannelShuffle",
    "channel dropout": "ChannelDropout",
    "GridMask": "GridMask",
    "grid dropout": "GridDropout",
    "downscale, pixelate": "Downscale Pixelate",
    "grid shuffle": "RandomGridShuffle",
    "crop and pad": "CropAndPad",
    "safe rotate": "SafeRotate",
    "crop at a mask that is not empty": "CropNonEmptyMaskIfExists",
    "fog": "RandomFog",
    "rain": "RandomRain",
    "snow": "RandomSnow",
    "shadow": "RandomShadow",
    "sun flare": "RandomSunFlare",
    "ISO noise": "ISONoise",
    "multiplicative noise": "MultiplicativeNoise",
    "shot noise": "ShotNoise",
    "salt and pepper": "SaltAndPepper",
    "pixel dropout": "PixelDropout",
    "defocus, zoom and glass blur": "Defocus ZoomBlur GlassBlur",
    "emboss, edges": "Emboss EdgeEnhance",
    "unsharp mask": "UnsharpMask",
    "piecewise affine": "PiecewiseAffine",
    "thin-plate spline": "ThinPlateSpline",
    "FMix": "FMix",
    "other mixes": "ResizeMix SaliencyMix PuzzleMix GridMix",
    "references": "HistogramMatching FDA",
    "tone curve": "RandomToneCurve",
    "color of the light": "PlanckianJitter ColorTemperature",
    "fancy PCA": "FancyPCA",
    "sepia": "ToSepia",
    "illumination, vignetting": "Illumination Vignetting",
    "ringing": "RingingOvershoot",
    "mask dropout": "MaskDropout",
    "stripes": "XYMasking",
    "zoom out": "RandomZoomOut",
}


def test_the_first_76_are_all_there() -> None:
    assert list(FIELD).index("FMix") == 75


@pytest.mark.parametrize("what", FIELD)
def test_an_op_of_the_field_is_here_by_name(what: str) -> None:
    for name in FIELD[what].split():
        assert callable(getattr(vg, name))
