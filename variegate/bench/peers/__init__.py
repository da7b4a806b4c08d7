"""What runs in a library's own process: the cases, the inputs and one module a library.

Nothing here imports the rest of variegate, except the module that measures variegate itself, so
that a library in another environment can be measured where variegate is not installed.
"""
