"""The training loop: order of the batches, schedule, state on disk, progress, Ctrl-C."""
