"""The soak: thousands of seeded random interactions in real JupyterLab; see `make soak`."""
