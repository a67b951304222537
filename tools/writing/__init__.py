"""What RAVEL stands on without a graph: state types, gate, actions, event log, prices, detectors, measures."""
