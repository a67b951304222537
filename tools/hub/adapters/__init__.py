"""How each family of reward models is read: which adapter fits a folder, and what an adapter does.

folder.py     what lies in a downloaded folder, read without loading anything
choice.py     which adapter fits, and why a folder is refused
options.py    what a caller may say of it
text.py       a triple as messages, as steps, as text; special tokens in it broken up
engine.py     model and tokenizer in memory; one forward pass over a padded batch
loading.py    folder -> engine: safetensors only, no remote code unless allowed, no head left to chance
classifier.py one score from the whole conversation (`classifier`), and heads with code of their own (`custom`)
pair.py       question and answer as a pair of texts (`pair`)
steps.py      process reward models: one score a step, joined (`steps`)
"""
