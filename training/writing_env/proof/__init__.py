"""The offline proof: tiny policies that learn to finish articles, by GRPO in RAVEL's environment."""
