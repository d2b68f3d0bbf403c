"""The peer of NativeFl's LoRA training step: the same step in plain PyTorch, f32, on the CPU.

One step is forward, loss, backward and AdamW of a LoRA adapter of rank 16 on the seven projections of every block of a frozen
Llama-family model, on a batch of 4 sequences of 256 tokens, every token counted. As in PEFT, an adapted layer is
y = W x + (alpha / r) B (A x), and autograd skips what nothing needs: gradients of W, and of the input of the first block.

    python3 lora_step_peer.py --model FOLDER      tokens/s for every OMP_NUM_THREADS x OPENBLAS_NUM_THREADS in {1, 2} x {1, 2}
    python3 lora_step_peer.py --check FOLDER      loss, gradients and AdamW against the numbers of a fixture (expected.json)

Needs torch and numpy, nothing else.
"""
import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F

PROJECTIONS = ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj", "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"]
NUMPY_TYPES = {"F64": np.float64, "F32": np.float32, "F16": np.float16, "BF16": np.uint16, "I64": np.int64}


def read_safetensors(path):
    """Every tensor of a file, floats widened to f32."""
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
    data = np.memmap(path, np.uint8, "r", offset=8 + length)
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        values = np.frombuffer(data[begin:end].tobytes(), NUMPY_TYPES[entry["dtype"]])
        if entry["dtype"] == "BF16":
            values = (values.astype(np.uint32) << 16).view(np.float32)
        elif entry["dtype"] != "I64":
            values = values.astype(np.float32)
        tensors[name] = torch.from_numpy(values.copy()).reshape(entry["shape"])
    return tensors


def read_checkpoint(folder):
    """(configuration with its defaults filled in, weights) of a Hugging Face model folder, sharded or not."""
    with open(os.path.join(folder, "config.json"), encoding="utf-8") as file:
        config = json.load(file)
    config.setdefault("num_key_value_heads", config["num_attention_heads"])
    if not config.get("head_dim"):
        config["head_dim"] = config["hidden_size"] // config["num_attention_heads"]
    index = os.path.join(folder, "model.safetensors.index.json")
    files = ["model.safetensors"]
    if os.path.exists(index):
        with open(index, encoding="utf-8") as file:
            files = sorted(set(json.load(file)["weight_map"].values()))
    weights = {}
    for name in files:
        weights.update(read_safetensors(os.path.join(folder, name)))
    return config, weights


def rotary_frequencies(config):
    """theta^(-2j/D) for j < D/2, stretched as rope_scaling says."""
    width = config["head_dim"]
    frequencies = config.get("rope_theta", 10000.0) ** (-np.arange(0, width, 2, dtype=np.float64) / width)
    scaling = config.get("rope_scaling") or {}
    kind = scaling.get("rope_type", scaling.get("type", "default"))
    if kind == "linear":
        return frequencies / scaling["factor"]
    if kind == "llama3":
        low, high = scaling["low_freq_factor"], scaling["high_freq_factor"]
        turns = scaling["original_max_position_embeddings"] * frequencies / (2 * math.pi)
        keep = np.clip((turns - low) / (high - low), 0, 1)
        return frequencies * (keep + (1 - keep) / scaling["factor"])
    if kind != "default":
        raise SystemExit(f"rope_scaling: expected linear or llama3, got {kind}")
    return frequencies


class Model:
    """A frozen model with one trainable adapter: factors[module] = (A (r, in), B (out, r))."""

    def __init__(self, config, weights, factors, scaling):
        self.config, self.weights, self.factors, self.scaling = config, weights, factors, scaling
        self.frequencies = torch.from_numpy(rotary_frequencies(config))

    def norm(self, x, name):
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + self.config["rms_norm_eps"]) * self.weights[name]

    def linear(self, x, name):
        y = F.linear(x, self.weights[name + ".weight"], self.weights.get(name + ".bias"))
        if name in self.factors:
            a, b = self.factors[name]
            y = y + self.scaling * F.linear(F.linear(x, a), b)
        return y

    def window(self, layer):
        window = self.config.get("sliding_window")
        if self.config["model_type"].startswith("qwen"):
            if not self.config.get("use_sliding_window") or layer < self.config["max_window_layers"]:
                return None
        return window

    def hidden_mask(self, tokens, layer):
        distance = torch.arange(tokens)[:, None] - torch.arange(tokens)[None]
        hidden = distance < 0
        window = self.window(layer)
        return hidden if window is None else hidden | (distance >= window)

    def attention(self, x, block, layer, rotation):
        batch, tokens, _ = x.shape
        heads, groups, width = (self.config[key] for key in ("num_attention_heads", "num_key_value_heads", "head_dim"))
        q, k, v = (self.linear(x, f"{block}.self_attn.{name}_proj").view(batch, tokens, -1, width) for name in "qkv")
        if f"{block}.self_attn.q_norm.weight" in self.weights:
            q, k = self.norm(q, f"{block}.self_attn.q_norm.weight"), self.norm(k, f"{block}.self_attn.k_norm.weight")
        q, k = (rotate(each, *rotation).transpose(1, 2) for each in (q, k))
        v = v.transpose(1, 2)
        if groups != heads:
            k, v = (each.repeat_interleave(heads // groups, 1) for each in (k, v))
        scores = (q @ k.transpose(2, 3)) * (1 / math.sqrt(width))
        scores = scores.masked_fill(self.hidden_mask(tokens, layer), float("-inf"))
        y = torch.softmax(scores, -1) @ v
        return self.linear(y.transpose(1, 2).reshape(batch, tokens, heads * width), f"{block}.self_attn.o_proj")

    def logits(self, ids):
        angles = torch.arange(ids.shape[1], dtype=torch.float64)[:, None] * self.frequencies[None]
        rotation = angles.cos().float()[:, None], angles.sin().float()[:, None]
        x = F.embedding(ids, self.weights["model.embed_tokens.weight"])
        for layer in range(self.config["num_hidden_layers"]):
            block = f"model.layers.{layer}"
            x = x + self.attention(self.norm(x, block + ".input_layernorm.weight"), block, layer, rotation)
            h = self.norm(x, block + ".post_attention_layernorm.weight")
            h = F.silu(self.linear(h, block + ".mlp.gate_proj")) * self.linear(h, block + ".mlp.up_proj")
            x = x + self.linear(h, block + ".mlp.down_proj")
        head = "model.embed_tokens.weight" if self.config.get("tie_word_embeddings") else "lm_head.weight"
        return F.linear(self.norm(x, "model.norm.weight"), self.weights[head])

    def loss(self, ids, labels):
        return F.cross_entropy(self.logits(ids)[:, :-1].flatten(0, 1), labels[:, 1:].flatten(), ignore_index=-100)


def rotate(x, cosine, sine):
    """The pairs (j, j + D/2) of every head, turned by their angle.  x (B, T, heads, D)"""
    first, second = x.chunk(2, -1)
    return torch.cat([first * cosine - second * sine, second * cosine + first * sine], -1)


def new_adapter(config, weights, rank):
    """A Kaiming-uniform with a = sqrt(5) as PEFT draws it; B small instead of 0, so that every product does its work from step one."""
    factors = {}
    for layer in range(config["num_hidden_layers"]):
        for projection in PROJECTIONS:
            name = f"model.layers.{layer}.{projection}"
            outputs, inputs = weights[name + ".weight"].shape
            a = (torch.rand(rank, inputs) * 2 - 1) / math.sqrt(inputs)
            factors[name] = (a.requires_grad_(), (torch.randn(outputs, rank) * 1e-3).requires_grad_())
    return factors


def train_step(model, optimizer, ids, labels):
    optimizer.zero_grad(set_to_none=True)
    loss = model.loss(ids, labels)
    loss.backward()
    optimizer.step()
    return loss.item()


def measure(arguments):
    """One process, one setting: the median rate over the timed steps, as a JSON line."""
    torch.manual_seed(0)
    config, weights = read_checkpoint(arguments.model)
    factors = new_adapter(config, weights, arguments.rank)
    model = Model(config, weights, factors, 2.0)
    optimizer = torch.optim.AdamW([factor for pair in factors.values() for factor in pair], lr=3e-4, weight_decay=0.0, foreach=True)
    ids = torch.randint(0, config["vocab_size"], (arguments.sequences, arguments.tokens))
    for _ in range(arguments.warmup):
        train_step(model, optimizer, ids, ids)
    seconds, losses = [], []
    for _ in range(arguments.steps):
        start = time.perf_counter()
        losses.append(train_step(model, optimizer, ids, ids))
        seconds.append(time.perf_counter() - start)
    rates = [ids.numel() / each for each in seconds]
    print(json.dumps({"tokens_per_second": statistics.median(rates), "slowest": min(rates), "fastest": max(rates), "last_loss": losses[-1]}))


def compare(arguments):
    """Every setting in a process of its own, because both variables are read when the libraries load."""
    print(f"torch {torch.__version__}, {os.cpu_count()} cores, {arguments.model}: r = {arguments.rank}, "
          f"{arguments.sequences} x {arguments.tokens} tokens, median of {arguments.steps} steps after {arguments.warmup}")
    found = {}
    for openmp in (1, 2):
        for openblas in (1, 2):
            environment = dict(os.environ, OMP_NUM_THREADS=str(openmp), OPENBLAS_NUM_THREADS=str(openblas))
            run = subprocess.run([sys.executable, __file__, *sys.argv[1:], "--worker"], env=environment, stdout=subprocess.PIPE, check=True)
            result = json.loads(run.stdout)
            found[openmp, openblas] = result["tokens_per_second"]
            print(f"OMP_NUM_THREADS={openmp} OPENBLAS_NUM_THREADS={openblas}: {result['tokens_per_second']:8.1f} tokens/s "
                  f"({result['slowest']:.1f} .. {result['fastest']:.1f}), loss {result['last_loss']:.4f}", flush=True)
    best = max(found, key=found.get)
    print(f"best: OMP_NUM_THREADS={best[0]} OPENBLAS_NUM_THREADS={best[1]}, {found[best]:.1f} tokens/s")


def relative(got, expected):
    """||got - expected|| / ||expected||"""
    return ((got - expected).norm() / expected.norm()).item()


def check(folder):
    """The step against a fixture's independent float64 numbers: loss, gradients, then the loss before each of five AdamW steps."""
    with open(os.path.join(folder, "expected.json"), encoding="utf-8") as file:
        expected = json.load(file)
    tensors = read_safetensors(os.path.join(folder, "expected.safetensors"))
    adapter = read_safetensors(os.path.join(folder, "adapter", "adapter_model.safetensors"))
    config, weights = read_checkpoint(folder)
    name = "base_model.model.{}.lora_{}.weight".format
    modules = [f"model.layers.{layer}.{projection}" for layer in range(config["num_hidden_layers"]) for projection in PROJECTIONS]
    factors = {module: tuple(adapter[name(module, side)].requires_grad_() for side in "AB") for module in modules}
    model = Model(config, weights, factors, expected["lora.alpha"] / expected["lora.rank"])
    ids, labels = tensors["input_ids"], tensors["labels"]

    plain = Model(config, weights, {}, 0.0).loss(ids, labels).item()
    model.loss(ids, labels).backward()
    gradient = max(relative(factor.grad, tensors[f"grad.{module}.lora_{side}"]) for module in modules for side, factor in zip("AB", factors[module]))
    settings = expected["adamw"]
    optimizer = torch.optim.AdamW([factor for pair in factors.values() for factor in pair], lr=settings["lr"], betas=settings["betas"],
                                  eps=settings["eps"], weight_decay=settings["weight_decay"], foreach=True)
    losses = [train_step(model, optimizer, ids, labels) for _ in settings["losses"]]
    worst = max(abs(got - want) / want for got, want in zip([plain, *losses], [expected["base.loss"], *settings["losses"]]))
    print(f"{folder}: losses within {worst:.1e}, gradients within {gradient:.1e} of the reference")
    if not (worst < 1e-4 and gradient < 1e-4):
        raise SystemExit(f"{folder}: expected losses and gradients within 1e-4")


def main():
    parser = argparse.ArgumentParser(description="LoRA training step in plain PyTorch: the peer of NativeFl's benchmark")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--model", help="a Hugging Face model folder of the Llama family")
    what.add_argument("--check", nargs="+", metavar="FOLDER", help="fixture folders to check the step against")
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--sequences", type=int, default=4)
    parser.add_argument("--tokens", type=int, default=256)
    parser.add_argument("--warmup", type=int, default=2)
    parser.add_argument("--steps", type=int, default=9, help="timed steps, at least 7 for a median worth naming")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.check:
        for folder in arguments.check:
            check(folder)
    elif arguments.worker:
        measure(arguments)
    else:
        compare(arguments)


if __name__ == "__main__":
    main()
