"""What the commands without a window share: runs and reports."""
