"""Files of what a session shows: figures, numbers, pages. No Jupyter is needed for any."""
