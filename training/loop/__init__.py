"""The training loop: batches and their order, schedule, saved state, progress, Ctrl-C."""
