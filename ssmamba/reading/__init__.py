"""Input of a model: windows of a region, how they are read, preprocessing."""
