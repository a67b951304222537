"""Rewards for other trainers: verl, OpenRLHF, slime, verifiers. Nothing of theirs is imported."""
