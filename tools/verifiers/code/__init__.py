"""Code rewards: what a program returns is compared where the program can't reach.

record -> plan: cases judged outside | a check that needs a process of its own | stdin and stdout
completion -> source -> sandbox -> answers -> verdicts
"""
