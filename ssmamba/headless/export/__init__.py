"""``ssmamba.export``: classifiers for programs that know nothing of this project."""
