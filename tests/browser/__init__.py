"""Tests in a real Chromium and a real Jupyter, and what they stand on."""
