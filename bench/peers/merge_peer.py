"""The peers of gpu-merge: ten LoRA adapters merged into every linear layer of a 7 B Llama, by PEFT and by hand-written products.

    python3 merge_peer.py [--warmup 1] [--steps 10] [--results FILE.jsonl]

The limit is reading and writing W once at the rate of a copy in this process.
"""
import contextlib
import math

import torch

import counter_hash
import measurement
import training_case

RANKS = [64, 64, 32, 32, 16, 16, 8, 8, 4, 4]


class Factors:
    """Every matrix with its ten pairs (A (r, in), B (out, r))."""

    def __init__(self, shape, ranks, device, type_):
        self.weights, self.adapters, self.ranks = {}, {}, ranks
        for module in shape.modules():
            outputs, inputs = shape.projection(module)
            self.weights[module] = torch.empty(outputs, inputs, device=device, dtype=type_)
            counter_hash.fill(module + ".weight", training_case.WEIGHT_AMPLITUDE, self.weights[module])
            self.adapters[module] = []
            for k, rank in enumerate(ranks):
                a, b = torch.empty(rank, inputs, device=device, dtype=type_), torch.empty(outputs, rank, device=device, dtype=type_)
                counter_hash.fill(f"{k}/{module}.lora_A", 1 / math.sqrt(inputs), a)
                counter_hash.fill(f"{k}/{module}.lora_B", 1e-3, b)
                self.adapters[module].append((a, b))

    def bytes_moved(self, projection=""):
        return sum(2 * w.numel() * w.element_size() for module, w in self.weights.items() if module.endswith(projection))

    def merge_one_by_one(self, projection=""):
        for module, weight in self.weights.items():
            if module.endswith(projection):
                for a, b in self.adapters[module]:
                    weight.addmm_(b, a, alpha=2 / len(self.ranks))

    def merge_stacked(self, projection=""):
        for module, weight in self.weights.items():
            if module.endswith(projection):
                a = torch.cat([a for a, _ in self.adapters[module]])
                b = torch.cat([b for _, b in self.adapters[module]], 1)
                weight.addmm_(b, a, alpha=2 / len(self.ranks))


def peft_merges(shape, ranks, device, type_):
    """{setting: call} on a PEFT model; what a call does beyond merging is undone by `undo`, which is not timed."""
    from peft import LoraConfig, get_peft_model
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=shape.vocabulary, hidden_size=shape.width, intermediate_size=shape.feed_forward, num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads, num_key_value_heads=shape.kv_heads, head_dim=shape.head_width,
        bos_token_id=None, eos_token_id=None, pad_token_id=None)
    torch.set_default_dtype(type_)
    try:
        with torch.device("cuda") if device == "cuda" else contextlib.nullcontext():
            model = LlamaForCausalLM(config)
            targets = [projection.split(".")[-1] for projection in training_case.PROJECTIONS]
            for k, rank in enumerate(ranks):
                lora = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=targets, init_lora_weights=False, task_type="CAUSAL_LM")
                if k == 0:
                    model = get_peft_model(model, lora, adapter_name="0", autocast_adapter_dtype=False)
                else:
                    model.add_adapter(str(k), lora)
    finally:
        torch.set_default_dtype(torch.float32)
    for parameter in model.parameters():
        parameter.requires_grad_(False).data = parameter.data.to(type_)
    names, weights = [str(k) for k in range(len(ranks))], [1 / len(ranks)] * len(ranks)
    layers = [module for module in model.modules() if hasattr(module, "merged_adapters")]

    def forget_merges():
        for layer in layers:
            layer.merged_adapters.clear()

    def weighted():
        model.add_weighted_adapter(names, weights, "merged", combination_type="cat")
        model.base_model.merge_adapter(["merged"])

    def weighted_undo():
        forget_merges()
        model.delete_adapter("merged")

    return {
        "PEFT, merge_adapter of all": (lambda: model.base_model.merge_adapter(names), forget_merges),
        "PEFT, add_weighted_adapter (cat), then merge_adapter": (weighted, weighted_undo),
    }


def main():
    parsed = measurement.arguments(__doc__, warmup=1, steps=10)
    shape, ranks = (training_case.TINY, [4, 2, 1]) if parsed.tiny else (training_case.LLAMA_2_7B, RANKS)
    type_ = torch.bfloat16 if parsed.device == "cuda" else torch.float32
    rate = measurement.copied_bytes_per_second(parsed.device, 2**20 if parsed.tiny else 2**31)
    made = {}

    def factors():
        if "factors" not in made:
            made.clear()
            made["factors"] = Factors(shape, ranks, parsed.device, type_)
        return made["factors"]

    def by_hand(setting, name):
        for projection in ("", "q_proj", "gate_proj", "down_proj"):
            item = f"{projection}, {shape.layers} blocks" if projection else "all linear layers"
            seconds = measurement.times(parsed.device, parsed.warmup, parsed.steps, 1, lambda p=projection: getattr(factors(), name)(p))
            roof = 1e3 * factors().bytes_moved(projection) / rate
            measurement.write(parsed, "G9", item, setting, "ms", [1e3 * each for each in seconds], roof)

    def by_peft(setting):
        if "peft" not in made:
            made.clear()
            made["peft"] = peft_merges(shape, ranks, parsed.device, type_)
        call, undo = made["peft"][setting]
        values = []
        for _ in range(3):
            values += measurement.times(parsed.device, 0, 1, 1, call)
            undo()
        elements = sum(math.prod(shape.projection(module)) for module in shape.modules())
        bytes_moved = 2 * elements * torch.empty(0, dtype=type_).element_size()
        measurement.write(parsed, "G9", "all linear layers", setting, "ms", [1e3 * each for each in values], 1e3 * bytes_moved / rate)

    measurement.run_settings(parsed, "G9", {
        "addmm_, factors stacked in the call": lambda: by_hand("addmm_, factors stacked in the call", "merge_stacked"),
        "addmm_, one adapter after another": lambda: by_hand("addmm_, one adapter after another", "merge_one_by_one"),
        "PEFT, merge_adapter of all": lambda: by_peft("PEFT, merge_adapter of all"),
        "PEFT, add_weighted_adapter (cat), then merge_adapter": lambda: by_peft("PEFT, add_weighted_adapter (cat), then merge_adapter"),
    })


if __name__ == "__main__":
    main()
