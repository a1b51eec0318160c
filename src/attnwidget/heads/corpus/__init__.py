"""Corpora: texts one after the other or on many machines, measured, kept, and summed up."""
