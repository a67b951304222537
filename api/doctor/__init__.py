"""What works on this machine, what is missing, what is broken, and what to do about each: `ravelar doctor`.

findings    Finding; the checks side by side, each within its time
packages    Python, the base packages, the extras, torch and GPUs
places      the sandbox, the library of adopted tools, disk space, the port of `langgraph dev`
services    language models, LangSmith, the Hub, E2B: which keys are set, never what they are, and who answers

Nothing optional is contacted unless it is configured, but the Hub, which is asked one small question.
"""
