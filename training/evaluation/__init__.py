"""What evaluation measures beside metrics: CAMs, mosaics, a colour forest, trust limits."""
