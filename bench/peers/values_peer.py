"""The peer of gpu-values: the fine-tunings of Shapley's values one after another by Transformers and PEFT.

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
import train_peer
import training_case


def fresh(model, adapter_type):
    """The adapter as training begins, and its optimiser."""
    parameters = []
    for name, parameter in model.named_parameters():
        if not train_peer.is_adapter(name):
            continue
        module, side, _, _ = name.removeprefix("base_model.model.").rsplit(".", 3)
        if side == "lora_A":
            counter_hash.fill(f"0/{module}.lora_A", 1 / math.sqrt(parameter.shape[1]), parameter)
        else:
            torch.nn.init.zeros_(parameter)
        parameters.append(parameter.requires_grad_())
    return parameters, torch.optim.AdamW(parameters, lr=3e-4, weight_decay=0.0, **({"fused": True} if parameters[0].is_cuda else {}))


def value(parsed, model, adapter_type, records, held, batch):
    """v: fine-tunes on the records, and measures the mean log-probability of what is held back."""
    parameters, optimizer = fresh(model, adapter_type)
    for first in range(0, len(records), batch):
        ids = records[first:first + batch]
        optimizer.zero_grad(set_to_none=True)
        with train_peer.precision(parsed, model, adapter_type):
            loss = model(input_ids=ids, labels=ids).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
    with torch.no_grad(), train_peer.precision(parsed, model, adapter_type):
        losses = [model(input_ids=held[first:first + batch], labels=held[first:first + batch]).loss for first in range(0, len(held), batch)]
    return -torch.stack(losses).mean().item()


def measure(parsed, setting, adapter_type):
    shape = training_case.TINY if parsed.tiny else training_case.LLAMA_1B
    groups, records, length, validation, orders, batch = (4, 3, 16, 4, 2, 2) if parsed.tiny else (20, 50, 256, 200, 10, 8)
    case = training_case.TrainingCase("G11", shape, batch, length, (4 if parsed.tiny else 16,))
    model = train_peer.peft_model(case, parsed, adapter_type, False)

    def tokens_of(group, count):
        return torch.stack([counter_hash.integers(f"tokens/{group}/{i}", length, shape.vocabulary, parsed.device) for i in range(count)])

    data, held = [tokens_of(group, records) for group in range(groups)], tokens_of(groups, validation)
    draws = random.Random(1)
    plan = [0, groups] + [size for _ in range(orders) for size in range(1, groups)]
    plan.sort()
    wanted = min(len(plan), parsed.coalitions or len(plan))
    sizes = [plan[(2 * i + 1) * len(plan) // (2 * wanted)] for i in range(wanted)]
    value(parsed, model, adapter_type, data[0][:batch], held[:batch], batch)
    measurement.synchronize(parsed.device)
    start = time.perf_counter()
    for size in sizes:
        members = draws.sample(range(groups), size)
        chosen = torch.cat([data[member] for member in members]) if members else held[:0]
        assert math.isfinite(value(parsed, model, adapter_type, chosen, held, batch))
    measurement.synchronize(parsed.device)
    tokens = sum(size * records + validation for size in sizes) * length
    peak = torch.cuda.max_memory_allocated() if parsed.device == "cuda" else 0
    for item in ("side by side", "one after another"):  # what both of ours are compared with
        measurement.write(parsed, "G11", item, f"{setting}, {wanted} coalitions", "tokens/s", [tokens / (time.perf_counter() - start)], 0, peak)


def main():
    parsed = measurement.arguments(__doc__, coalitions=0)
    torch.manual_seed(0)
    bf16 = torch.bfloat16 if parsed.device == "cuda" else torch.float32
    measurement.run_settings(parsed, "G11", {
        "PEFT, bf16 adapters, one by one": lambda: measure(parsed, "PEFT, bf16 adapters, one by one", bf16),
        "PEFT, f32 adapters, one by one": lambda: measure(parsed, "PEFT, f32 adapters, one by one", torch.float32),
    })


if __name__ == "__main__":
    main()
