"""The study of the SSMamba paper: which cells there are, how they run, what comes out."""
