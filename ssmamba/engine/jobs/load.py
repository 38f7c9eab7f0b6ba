"""Read a checkpoint before the first question comes."""

from __future__ import annotations

from ssmamba.engine.jobs.bench import Bench
from ssmamba.engine.messages import CheckpointLoaded, LoadCheckpoint
from ssmamba.engine.scheduler import Spent, Steps


def load(request: LoadCheckpoint, bench: Bench, spent: Spent) -> Steps:
    """Load a checkpoint or find it loaded. Raises CheckpointError."""
    loaded = bench.models.checkpoint(request.path)
    yield CheckpointLoaded(request.job, request.path, loaded.sha256, loaded.parameters, spent())
