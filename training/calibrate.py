"""python -m training.calibrate: fit the calibration of a trained classifier again.

That is its temperature, the limits of "Not sure", and the stage at which its CAMs point best.
"""

from __future__ import annotations

import sys
from functools import partial

from training.cli.command import run_command
from training.config import CalibrateConfig
from training.evaluation.calibration import recalibrate
from training.loop.progress import console


def calibrate(config: CalibrateConfig) -> None:
    card = recalibrate(config)
    temperature = card.calibration.temperature
    console.print(
        f"Temperature {temperature:.3f}, CAMs of stage {card.cam_stage}. Wrote {config.out}"
    )


main = partial(
    run_command, CalibrateConfig, calibrate, section="calibrate", positional="checkpoint"
)

if __name__ == "__main__":
    sys.exit(main())
