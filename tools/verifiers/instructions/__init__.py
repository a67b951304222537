"""IFEval's 25 families of verifiable instructions (arXiv 2311.07911); see docs/ifeval.md."""

from ravelar.tools.verifiers.instructions.verifier import Instructions

__all__ = ["Instructions"]
