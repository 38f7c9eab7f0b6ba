"""A suite of tasks with room, on which a change of the model is settled."""
