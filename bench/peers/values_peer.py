"""The peer of gpu-values: the fine-tunings of Shapley's values one after another, by Transformers and PEFT and in plain PyTorch.

    python3 values_peer.py [--coalitions N] [--results FILE.jsonl]

20 groups of 50 records of 256 tokens along 10 orders; every coalition starts from the same fresh adapter, makes one pass over its records in
batches of 8, and is measured on 200 further records. Members are drawn by Python; their number, and so the tokens, are those of ours.
"""
import math
import random
import time

import torch

import counter_hash
import measurement
import plain_llama
import train_peer
import training_case


class Peer:
    """A base with one adapter, and how the adapter began."""

    def __init__(self, parsed, case, library, adapter_type):
        self.parsed, self.adapter_type = parsed, adapter_type
        if library == "PEFT":
            self.model = train_peer.peft_model(case, parsed, adapter_type, False)
            self.losses = lambda ids: self.model(input_ids=ids, labels=ids).loss.view(1)
        else:
            self.model = plain_llama.build(case, parsed.device, torch.bfloat16 if parsed.device == "cuda" else torch.float32, adapter_type)
            self.losses = self.model
        self.parameters = [p.requires_grad_() for name, p in self.model.named_parameters() if train_peer.is_adapter(name)]
        self.start = [p.detach().clone() for p in self.parameters]

    def value(self, records, held, batch):
        """v: fine-tunes on the records, and measures the mean log-probability of what is held back."""
        with torch.no_grad():
            for parameter, start in zip(self.parameters, self.start):
                parameter.copy_(start)
        optimizer = torch.optim.AdamW(self.parameters, lr=3e-4, weight_decay=0.0, **({"fused": True} if self.parsed.device == "cuda" else {}))
        for first in range(0, len(records), batch):
            optimizer.zero_grad(set_to_none=True)
            with train_peer.precision(self.parsed, self.model, self.adapter_type):
                loss = self.losses(records[first:first + batch]).mean()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
            optimizer.step()
        with torch.no_grad(), train_peer.precision(self.parsed, self.model, self.adapter_type):
            return -torch.stack([self.losses(held[first:first + batch]).mean() for first in range(0, len(held), batch)]).mean().item()


def measure(parsed, setting, library, adapter_type):
    shape = training_case.TINY if parsed.tiny else training_case.LLAMA_1B
    groups, records, length, validation, orders, batch = (4, 3, 16, 4, 2, 2) if parsed.tiny else (20, 50, 256, 200, 10, 8)
    case = training_case.TrainingCase("G11", shape, batch, length, (4 if parsed.tiny else 16,))
    peer = Peer(parsed, case, library, adapter_type)

    def tokens_of(group, count):
        return torch.stack([counter_hash.integers(f"tokens/{group}/{i}", length, shape.vocabulary, parsed.device) for i in range(count)])

    data, held = [tokens_of(group, records) for group in range(groups)], tokens_of(groups, validation)
    draws = random.Random(1)
    plan = [0, groups] + [size for _ in range(orders) for size in range(1, groups)]
    plan.sort()
    wanted = min(len(plan), parsed.coalitions or len(plan))
    sizes = [plan[(2 * i + 1) * len(plan) // (2 * wanted)] for i in range(wanted)]
    peer.value(data[0][:batch], held[:batch], batch)
    measurement.synchronize(parsed.device)
    start = time.perf_counter()
    for size in sizes:
        members = draws.sample(range(groups), size)
        chosen = torch.cat([data[member] for member in members]) if members else held[:0]
        assert math.isfinite(peer.value(chosen, held, batch))
    measurement.synchronize(parsed.device)
    seconds = time.perf_counter() - start
    tokens = sum(size * records + validation for size in sizes) * length
    peak = torch.cuda.max_memory_allocated() if parsed.device == "cuda" else 0
    for item in ("side by side", "one after another"):  # what both of ours are compared with
        measurement.write(parsed, "G11", item, f"{setting}, {wanted} coalitions", "tokens/s", [tokens / seconds], 0, peak)


def main():
    parsed = measurement.arguments(__doc__, coalitions=0)
    torch.manual_seed(0)
    bf16 = torch.bfloat16 if parsed.device == "cuda" else torch.float32
    ways = {
        "PEFT, bf16 adapters, one by one": ("PEFT", bf16),
        "plain, bf16 adapters, one by one": ("plain", bf16),
        "PEFT, f32 adapters, one by one": ("PEFT", torch.float32),
    }
    measurement.run_settings(parsed, "G11", {name: lambda name=name, how=how: measure(parsed, name, *how) for name, how in ways.items()})


if __name__ == "__main__":
    main()
