"""What acts without a graph: rewards, verifiers, routing, scoring."""
