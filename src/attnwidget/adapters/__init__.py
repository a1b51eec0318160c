"""Other libraries' objects: one file each, which is imported when `attnwidget.capture` meets an object of that library.

`attnwidget.capture.foreign` says which file is for which library. Each has `take`, and those whose models make passes
of their own a `run` besides.
"""
