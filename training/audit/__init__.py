"""What could make an accuracy look better than it is: copies, shortcuts, batches."""
