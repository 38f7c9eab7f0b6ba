"""SSMamba models, inference and explanation. No Qt here; torch only where it is used."""

__version__ = "0.1.0"

from ssmamba.runtime.memory import ask_for_large_pages

ask_for_large_pages()
