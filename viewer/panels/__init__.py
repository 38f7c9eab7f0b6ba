"""The panels beside the slide: they show the document and tell it what the user wishes."""
