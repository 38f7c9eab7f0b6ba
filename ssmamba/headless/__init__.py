"""Shared by the commands that open no window: requests, runs and reports."""
