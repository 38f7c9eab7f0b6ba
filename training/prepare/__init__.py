"""From the published download of a data set to a folder that the training commands read."""
