"""How long a test waits for what takes a moment on an idle machine: only a hang takes longer."""

PATIENCE_S = 300
