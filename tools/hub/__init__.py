"""Reward models of the Hugging Face Hub: found, looked at without download, checked, run; and remote ones."""
