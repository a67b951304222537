"""RAVEL as an environment for trainers: episodes, who works in them, what a policy earns, and its runs as data."""
