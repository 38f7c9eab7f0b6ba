"""How far classifiers hold when the pictures change: what is changed, measured and shown."""
