"""The ablation study of the SSMamba paper: its cells, their runs and the report."""
