"""Settings: the model, and how a file becomes one.  Pure but for the reading of the file."""
