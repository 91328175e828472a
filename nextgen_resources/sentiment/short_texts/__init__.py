"""The small model of short financial texts: features, data, weights, and how they were made.

``features`` turns texts into numbers, ``statements`` writes the part of the training text that is ours,
``training`` fits, ``weights`` keeps the result. The scorer that uses them is the module ``classifier``.
"""
