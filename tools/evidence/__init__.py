"""Labelled evidence: probes, trials of tools on them, and what is adopted on their strength.

    labels, examples -> gather_probes -> ProbeSet -> enough?
    source -> check_verifier -> VerifierReport -> .decision
    tool   -> measure -> Trial, Trial -> decide_reward_model; compare -> decide_replacement

probes        Probe, ProbeSet: labelled triples, split by prompt into a shown and a held-out half
labelled      the caller's rows as probes
make_probes   probes from examples whose reference decides; the union of all; whether they are enough
answers, forms, hostile   what a reference says, how a completion may state it, what attacks a tool
trial         Trial: what a tool did on probes, with intervals
intervals     shares, curves, means and differences with 95 % intervals clustered by prompt
measure       a tool on one half of the probes; thresholds; two tools compared
lint, canaries, check     a written verifier: read, tried, measured; lint_flow, lint_patterns, lint_tree serve the lint
thresholds, adoption   what evidence must show, and the decisions
facts         a trial as facts on a card
"""
