"""The reward service: rewards over HTTP, on one machine or on a Ray cluster."""
