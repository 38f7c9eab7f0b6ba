"""Feature files of whole slides: the library behind ``ssmamba.extract``."""
