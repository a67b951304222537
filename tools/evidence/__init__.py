"""Labelled evidence: probes, trials of tools on them, and what is adopted on their strength.

probes      Probe, ProbeSet: labelled triples, split by prompt into a shown and a held-out half
trial       Trial: what a tool did on probes, with intervals
"""
