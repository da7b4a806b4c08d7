"""What the mixes of a policy need and refuse, and how a late one is made from what it must see."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from variegate.engine import compiled, flow
from variegate.engine.engine import Images
from variegate.engine.late import erase_of, mix_of, paste_of
from variegate.engine.puzzle import Solvers
from variegate.engine.saliency import saliency_maps
from variegate.errors import InputError, PolicyError
from variegate.ops.layers import Erased, Pasted
from variegate.ops.op import Kind, Mixing
from variegate.ops.registry import get
from variegate.pipeline.marks import MARKS, Marks
from variegate.plan.mixes import joined
from variegate.plan.program import LateMix, MixStage, Program
from variegate.policy.nodes import Step
from variegate.policy.policy import Policy, walk
from variegate.targets.tensors import as_host, dtype_of

Saliency: TypeAlias = Callable[[Any, Any], Any]
Maps = npt.NDArray[np.float64]
PLAIN = Solvers(flow.min_cut, flow.assign)


@dataclass(frozen=True)
class Mixers:
    """The policy's steps that mix; saliency: the caller's function, or None."""

    steps: tuple[Step, ...] = ()
    saliency: Saliency | None = None

    @classmethod
    def of(cls, policy: Policy, saliency: Saliency | None) -> Mixers:
        """The mixes of a policy; raises PolicyError where saliency is no function."""
        if saliency is not None and not callable(saliency):
            raise PolicyError(f"saliency: expected a function, got {type(saliency).__name__}")
        steps = [step for step, _ in walk(policy.steps) if get(step.op).kind is Kind.MIX]
        return cls(tuple(steps), saliency)

    @property
    def mix_labels(self) -> bool:
        """Whether a result may show other samples."""
        return any(_mixing(step.op).partners > 0 for step in self.steps)

    def check(self, program: Program, batch: Mapping[str, Any]) -> None:
        """Raises InputError where targets or a saliency do not fit the policy or the program."""
        for step in self.steps:
            _check_targets(step.op, step.arguments, batch)
        for stage in program.stages:
            for part in stage.parts if isinstance(stage, LateMix) else ():
                if isinstance(part, MixStage) or isinstance(part.entry, (Pasted, Erased)):
                    continue
                if part.entry.saliency == "given" and self.saliency is None:
                    raise InputError(
                        f"{part.op} needs to know what matters in each image: pass "
                        'Pipeline(..., saliency=function), or saliency="fine_grained" to the step'
                    )


def _mixing(op: str) -> Mixing:
    return get(op).mixing or Mixing()


def _check_targets(op: str, arguments: Mapping[str, Any], batch: Mapping[str, Any]) -> None:
    mixing = _mixing(op)
    for name in MARKS:
        if mixing.refuses is not None and name in batch:
            why = mixing.refuses(arguments, name)
            if why:
                raise InputError(f"{name}: {why}")
    if mixing.needs == "instances" and "instance_masks" not in batch:
        raise InputError(f"instance_masks: {op} needs them, since they say what is pasted")
    if mixing.needs == "objects" and not {"instance_masks", "masks"} & set(batch):
        raise InputError(f"masks: {op} hides what they mark: pass instance_masks= or masks=")
    if not mixing.does_blend(arguments):
        return
    if any(np.asarray(as_host(mask)).dtype.kind != "f" for mask in batch.get("masks", ())):
        raise InputError(
            f"masks: {op} blends images, and the whole numbers of a mask cannot be blended: pass "
            "shares of each class, float (height, width, classes)"
        )
    if any(np.ndim(mask) == 2 for mask in batch.get("instance_masks", ())):
        raise InputError(
            f"instance_masks: {op} blends images, and one id of a pixel cannot tell two instances: "
            "pass a channel for each, (instances, height, width)"
        )


def check_marks(marks: Marks) -> None:
    """Raises InputError where targets of several images do not fit together."""
    forms = {
        "masks": {(dtype_of(mask).str, mask.shape[2]) for mask in marks.masks or ()},
        "instance_masks": {(mask.dtype.str, mask.ndim) for mask in marks.instance_masks or ()},
    }
    for name, found in forms.items():
        if len(found) > 1:
            raise InputError(f"{name}: a mix needs one dtype and form, got {sorted(found)}")
    if marks.points is not None and marks.points.bound and len(set(marks.points.counts)) > 1:
        counts = sorted(set(marks.points.counts.tolist()))
        raise InputError(f"keypoints: a mix needs as many points for each instance, got {counts}")


def made(
    late: LateMix,
    images: Images,
    labels: Any,
    mixers: Mixers,
    fast: bool,
    instances: Callable[[], list[Any]],
    objects: Callable[[], list[Any]],
) -> MixStage:
    """The mix that a late one becomes for these images and labels (n, classes) or None.

    fast: by the compiled part, where it is there. instances: tells the masks (k, h, w) of the
    instances of each image, objects what else can be hidden (see mixed.objects_at).
    """
    by = compiled.solvers() if fast and compiled.available() else PLAIN
    maps: dict[str, Maps] = {}
    parts: list[MixStage] = []
    for part in late.parts:
        if isinstance(part, MixStage):
            parts.append(part)
            continue
        if isinstance(part.entry, Pasted):
            parts.append(paste_of(part, instances()))
            continue
        if isinstance(part.entry, Erased):
            parts.append(erase_of(part, objects(), images[0].shape[2]))
            continue
        measure = part.entry.saliency
        if measure not in maps and measure == "given":
            maps[measure] = _given_maps(images, labels, mixers.saliency)
        elif measure not in maps:
            maps[measure] = saliency_maps(images, measure)
        parts.append(mix_of(part, images, maps[measure], by))
    return joined(parts)


def _given_maps(images: Images, labels: Any, saliency: Saliency | None) -> Maps:
    """What the caller's function gives for these images (n, h, w); raises InputError where that is
    not legal.
    """
    if saliency is None:
        raise InputError("saliency: expected a function")
    batch = np.stack(list(images)) if images.batch is None else images.batch
    view = batch.view()
    view.setflags(write=False)
    try:
        maps = np.asarray(saliency(view, labels), dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"saliency: it must give numbers (n, h, w): {error}") from error
    if maps.shape != batch.shape[:3]:
        raise InputError(f"saliency: expected shape {batch.shape[:3]}, got {maps.shape}")
    if not np.isfinite(maps).all() or maps.min(initial=0.0) < 0:
        raise InputError("saliency: expected finite numbers of at least 0")
    return maps
