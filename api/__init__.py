"""Ravelar: rewards from an agent, and a writing agent with its benchmark."""
