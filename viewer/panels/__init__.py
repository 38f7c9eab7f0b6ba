"""The panels beside the slide: they show the document and change it for the user."""
