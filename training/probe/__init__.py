"""What a checkpoint's frozen features tell about the classes."""
