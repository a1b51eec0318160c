"""What crosses between kernel and browser, and in which form."""
