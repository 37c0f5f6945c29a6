"""gapdyn: how the modality gap of contrastive two-modality models arises, freezes and closes.

Embeddings on the sphere, with mismatched pairs and a learnable temperature, moved by gradient flow,
after Yaras, Chen, Wang and Qu, "Explaining and Mitigating the Modality Gap in Contrastive
Multimodal Learning" (CPAL 2025), "the paper" everywhere here. Equations have its numbers.
"""

__version__ = "0.1.0.dev0"
