"""RAVEL's decisions: planner, outliner, drafter, reviewer, refiner; one a file, prompts beside them."""
