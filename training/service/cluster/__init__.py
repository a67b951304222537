"""The reward service on a Ray cluster: the same application over deployments of Ray Serve.

HTTP -> training.service.app -> RayBackend -> routing -> verifiers, and each reward model by itself
"""
