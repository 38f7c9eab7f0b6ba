"""What a model sees: windows of a region, how they are read, preprocessing."""
