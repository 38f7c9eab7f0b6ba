"""A masked model's reconstruction of a region's middle window."""

from __future__ import annotations

from ssmamba.engine.jobs.bench import Bench
from ssmamba.engine.jobs.region import read_as
from ssmamba.engine.messages import Reconstruct, ReconstructResult
from ssmamba.engine.scheduler import Spent, Steps


def reconstruct_region(request: Reconstruct, bench: Bench, spent: Spent) -> Steps:
    """One ``ReconstructResult``, in one step. Raises SSMambaError."""
    from ssmamba.explain.reconstruct import mamim_of, reconstruct

    with bench.models.held(request.checkpoint) as loaded:
        model, spec = mamim_of(loaded), loaded.card.input
        with read_as(request, bench.slides, spec, bench.device, spent) as region:
            window = region.middle_window()
            pixels = region.pixels(window)
            with bench.at_best((loaded.sha256, "MAMIM")):
                result = reconstruct(model, pixels, spec, request.mask_ratio, request.seed)
            yield ReconstructResult(
                job=request.job,
                roi_id=request.roi.id,
                checkpoint=request.checkpoint,
                window=window,
                shape=(result.original.shape[0], result.original.shape[1]),
                masked=result.masked.tobytes(),
                reconstruction=result.reconstruction.tobytes(),
                original=result.original.tobytes(),
                mask_ratio=request.mask_ratio,
                seed=request.seed,
                psnr=result.psnr,
                ssim=result.ssim,
                stamp=region.stamp(loaded.sha256, bench.device, "MAMIM", request.seed),
                seconds=spent(),
                notes=region.plan.notes + result.notes,
            )
