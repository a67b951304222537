"""Rewards in training loops."""
