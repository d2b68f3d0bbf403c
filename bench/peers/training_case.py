"""The cases of TrainingCase.cs, by the same names: shapes, batches, tokens and operations of a training step."""
from dataclasses import dataclass

import counter_hash

PROJECTIONS = ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj", "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"]
WEIGHT_AMPLITUDE = 0.0346410162  # 0.02 sqrt(3): the deviation that Llama's configurations give
BATCHES = 4  # distinct ones, taken in turns


@dataclass(frozen=True)
class Shape:
    vocabulary: int
    width: int
    feed_forward: int
    layers: int
    heads: int
    kv_heads: int
    head_width: int
    tied: bool = False
    theta: float = 10000.0

    def projection(self, name):
        """(out, in)"""
        query, kv = self.heads * self.head_width, self.kv_heads * self.head_width
        return {
            "q_proj": (query, self.width), "k_proj": (kv, self.width), "v_proj": (kv, self.width), "o_proj": (self.width, query),
            "gate_proj": (self.feed_forward, self.width), "up_proj": (self.feed_forward, self.width),
            "down_proj": (self.width, self.feed_forward),
        }[name.split(".")[-1]]

    def modules(self):
        return [f"model.layers.{layer}.{projection}" for layer in range(self.layers) for projection in PROJECTIONS]


@dataclass(frozen=True)
class TrainingCase:
    name: str
    shape: Shape
    sequences: int
    length: int
    ranks: tuple

    @property
    def tokens(self):
        return len(self.ranks) * self.sequences * self.length

    @property
    def operations_per_token(self):
        """4 (N + H) + 3.5 A + 6 Lambda, as TrainingCase.cs counts them."""
        shape = self.shape
        sizes = [shape.projection(module) for module in shape.modules()]
        weights, factors = sum(rows * columns for rows, columns in sizes), sum(rows + columns for rows, columns in sizes)
        attention = 2 * shape.layers * self.length * shape.heads * shape.head_width
        mean_rank = sum(self.ranks) / len(self.ranks)
        return 4 * (weights + shape.vocabulary * shape.width) + 3.5 * attention + 6 * factors * mean_rank

    def batch(self, k, step, device):
        """The token ids of adapter k at a step, (sequences, length)."""
        import torch

        first = step % BATCHES * self.sequences
        rows = [counter_hash.integers(f"tokens/{k}/{first + i}", self.length, self.shape.vocabulary, device) for i in range(self.sequences)]
        return torch.stack(rows)


LLAMA_1B = Shape(128256, 2048, 8192, 16, 32, 8, 64, tied=True, theta=500000.0)
TINY_LLAMA = Shape(32000, 2048, 5632, 22, 32, 4, 64)
LLAMA_8B = Shape(128256, 4096, 14336, 32, 32, 8, 128, theta=500000.0)
LLAMA_2_7B = Shape(32000, 4096, 11008, 32, 32, 32, 128)
TINY = Shape(512, 64, 160, 2, 4, 2, 16, tied=True)

CASES = {case.name: case for case in [
    TrainingCase("G1", LLAMA_1B, 8, 2048, (16,)),
    TrainingCase("G2", LLAMA_8B, 4, 2048, (16,)),
    TrainingCase("G4", TINY_LLAMA, 4, 512, (8,)),
    TrainingCase("G7", LLAMA_1B, 1, 512, (64, 64, 32, 32, 32, 16, 16, 16, 16, 8, 8, 8, 8, 4, 4, 4)),
    TrainingCase("tiny", TINY, 2, 32, (4,)),
    TrainingCase("tiny7", TINY, 1, 16, (8, 4, 2)),
]}
