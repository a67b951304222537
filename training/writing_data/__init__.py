"""RAVEL's runs as training data: prompts as they were sent, accepted steps, accepted texts beside rejected ones."""
