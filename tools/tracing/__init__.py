"""Traces: what runs did, sent to LangSmith or to an OpenTelemetry collector by their own variables.

    settings    whether traces are on, and whether reference texts may go with them
    runs        a run of ours: its name, tags, metadata, and the figures that it ends with
    batches     a tool's batch, and a sandbox's, as such runs
    leaving_out what of a run is left out: secrets always, texts where references may be among them
    client      the LangSmith client that does so
    line        the way to the sink, which costs a run nothing when there is nobody at the other end
    spans       the same way to a collector

With traces off, which is the default, none of these imports LangSmith, and a batch costs the look at four variables.
"""
