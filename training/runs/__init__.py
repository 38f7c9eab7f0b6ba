"""What every training run prepares and keeps: folder, device, recipe, plan, card."""
