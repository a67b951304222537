"""The adopted: library entries, how each is built again, and the store that keeps them.

entry       Entry, and the recipes from which a tool is built again
"""
