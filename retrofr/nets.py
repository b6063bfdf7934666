"""The nets of a run: what finds faces and what embeds them, ready on one device."""

from __future__ import annotations

from dataclasses import dataclass

from retrofr import registry
from retrofr.comparison import Comparison, build_comparison
from retrofr.detectors.base import Detector
from retrofr.runtime import Device, resolve_device
from retrofr.settings import Settings


@dataclass(frozen=True, eq=False)
class Nets:
    """A detector, a comparison, and the device they run on."""

    detector: Detector
    comparison: Comparison
    device: Device


def load_nets(settings: Settings, *, threads: int | None = None, worker: int = 0) -> Nets:
    """Load what the settings name.

    Args:
        settings: of the run.
        threads: how many the nets may use on a CPU; None for as many as there are.
        worker: number of this process among those of the run; of several GPUs each takes its own, in turn.

    Raises:
        UsageError, SettingsError: a part is unknown, or a setting of one is refused.
        ModelError: a device, a part or its weights cannot be used.
    """
    device = resolve_device(settings.device, threads=threads, worker=worker)
    detector = build_detector(settings, device)
    return Nets(detector, build_comparison(settings.embed.embedder, settings.parts, device), device)


def build_detector(settings: Settings, device: Device) -> Detector:
    """The detector that the settings name, ready on the device."""
    part, chosen = registry.load_with_settings("detectors", settings.detect.detector, settings.parts)
    detector: Detector = part.build(chosen, device)
    return detector


def describe_detector(detector: Detector) -> dict[str, object]:
    """What a run records of it."""
    weights = [{"name": w.name, "sha256": w.sha256, "licence": w.licence} for w in detector.weights]
    return {"name": detector.name, "weights": weights}
