"""Recognising a known task without a language model.

names       NamedExample: a prompt that somebody named; NameLog: where names are kept
features    what is read of a prompt and of a reference's shape
classifier  LinearClassifier: labels, weights, and "none of these"
fitting     names -> a linear model with limits for abstaining (the one place that needs scikit-learn)
recogniser  Recogniser: column, cache, classifier, or an honest "unknown"
learning    Learning: a recogniser that grows with a log of names
grouping    which unknown prompts of a batch are alike, so that one call can name them together
router      TaskRouter: from a recognised task to its adopted tool, beside the built-in rules
"""
