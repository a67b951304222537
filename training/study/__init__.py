"""The study: what routed rewards teach a tiny policy, beside single rewards."""
