"""The peers of gpu-train: LoRA steps in PyTorch with Transformers and PEFT, and in plain PyTorch, from the same weights and tokens.

    python3 train_peer.py --case G1 [--warmup 10] [--steps 40] [--results FILE.jsonl] [--settings "eager|compiled"]

Every setting is a fresh model: adapters in f32 under autocast (whose losses are compared with NativeFl's) or in bf16, eager or compiled,
with and without activation checkpointing. Settings other than f32 run half the steps at first. AdamW is the fused one, attention is SDPA, the loss and the norm are read at every step.
"""
import contextlib
import gc
import math
import time

import torch

import counter_hash
import measurement
import plain_llama
import training_case


def peft_model(case, parsed, adapter_type, checkpointing):
    from peft import LoraConfig, get_peft_model
    from transformers import LlamaConfig, LlamaForCausalLM

    shape = case.shape
    config = LlamaConfig(
        vocab_size=shape.vocabulary, hidden_size=shape.width, intermediate_size=shape.feed_forward, num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads, num_key_value_heads=shape.kv_heads, head_dim=shape.head_width, rms_norm_eps=1e-5,
        rope_theta=shape.theta, max_position_embeddings=8192, tie_word_embeddings=shape.tied, use_cache=False, attn_implementation="sdpa",
        bos_token_id=None, eos_token_id=None, pad_token_id=None)
    if getattr(config, "rope_parameters", None) is not None:  # Transformers 5
        config.rope_parameters = {"rope_type": "default", "rope_theta": shape.theta}
    torch.set_default_dtype(torch.bfloat16 if parsed.device == "cuda" else torch.float32)
    try:
        with torch.device("cuda") if parsed.device == "cuda" else contextlib.nullcontext():
            model = LlamaForCausalLM(config)
    finally:
        torch.set_default_dtype(torch.float32)
    model.to(parsed.device)
    plain_llama.fill_weights(model)
    targets = [projection.split(".")[-1] for projection in training_case.PROJECTIONS]
    for k, rank in enumerate(case.ranks):
        lora = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=targets, lora_dropout=0.0, bias="none", task_type="CAUSAL_LM")
        if k == 0:
            model = get_peft_model(model, lora, adapter_name="0", autocast_adapter_dtype=False)
        else:
            model.add_adapter(str(k), lora)
    if checkpointing:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    for name, parameter in model.named_parameters():
        if not is_adapter(name):
            continue
        parameter.data = parameter.data.to(adapter_type)
        module, side, k, _ = name.removeprefix("base_model.model.").rsplit(".", 3)
        if side == "lora_A":
            counter_hash.fill(f"{k}/{module}.lora_A", 1 / math.sqrt(parameter.shape[1]), parameter)
        else:
            torch.nn.init.zeros_(parameter)
    model.train()
    return model


@contextlib.contextmanager
def precision(parsed, model, adapter_type):
    """f32 adapters compute in bf16 under autocast, without PEFT's own casts of the input to f32; bf16 adapters need nothing."""
    if adapter_type != torch.float32 or parsed.device == "cpu":
        yield
        return
    with contextlib.ExitStack() as stack:
        stack.enter_context(torch.autocast("cuda", torch.bfloat16))
        if hasattr(model, "peft_config"):
            from peft.helpers import disable_input_dtype_casting
            stack.enter_context(disable_input_dtype_casting(model))
        yield


def clip_by_client(parameters, clients):
    """The gradient norm of every client, each clipped to 1 on its own; gradients are (K, R, columns)."""
    norms = torch.stack([p.grad.float().square().sum((1, 2)) for p in parameters]).sum(0).sqrt()
    scale = (1 / (norms + 1e-6)).clamp(max=1)
    for p in parameters:
        p.grad.mul_(scale.to(p.grad.dtype).view(clients, 1, 1))
    return norms


class Trainer:
    """One step of all clients: together in one pass, or one after another through PEFT's adapters."""

    def __init__(self, parsed, case, model, adapter_type, loss, together):
        self.parsed, self.case, self.model, self.adapter_type, self.loss, self.together = parsed, case, model, adapter_type, loss, together
        ends = [(".a", ".b")] if together else [f".{k}.weight" for k in range(len(case.ranks))]
        self.parameters = [[p for name, p in model.named_parameters() if is_adapter(name) and name.endswith(end)] for end in ends]
        self.optimizers = [
            torch.optim.AdamW([p.requires_grad_() for p in group], lr=3e-4, weight_decay=0.0, **({"fused": True} if parsed.device == "cuda" else {}))
            for group in self.parameters]
        clients = len(case.ranks)
        self.batches = [[case.batch(k, step, parsed.device) for k in range(clients)] for step in range(training_case.BATCHES)]

    def step(self, step):
        """(mean loss, smallest gradient norm) of the clients"""
        batches = self.batches[step % len(self.batches)]
        if self.together:
            return self.one_pass(torch.cat(batches), self.parameters[0], self.optimizers[0], len(batches))
        results = []
        for k, batch in enumerate(batches):
            if len(batches) > 1:
                self.model.set_adapter(str(k))
            results.append(self.one_pass(batch, self.parameters[k], self.optimizers[k], 1))
        return sum(loss for loss, _ in results) / len(results), min(norm for _, norm in results)

    def one_pass(self, batch, parameters, optimizer, clients):
        optimizer.zero_grad(set_to_none=True)
        with precision(self.parsed, self.model, self.adapter_type):
            losses = self.loss(batch)
        losses.view(clients, -1).mean(1).sum().backward()
        norm = clip_by_client(parameters, clients) if clients > 1 else torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        return losses.mean().item(), norm.min().item()


def is_adapter(name):
    return "lora_" in name or name.endswith((".a", ".b"))


def measure(parsed, case, roof, setting, library, adapter_type, compiled="", checkpointing=False):
    if parsed.device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    weight_type = torch.bfloat16 if parsed.device == "cuda" else torch.float32
    if library == "PEFT":
        model = peft_model(case, parsed, adapter_type, checkpointing)
        layers = model.get_base_model().model.layers
    else:
        model = plain_llama.build(case, parsed.device, weight_type, adapter_type)
        layers = model.model.layers
    if compiled == "layers":
        for layer in layers:
            layer.compile()
    forward = torch.compile(model, mode="reduce-overhead") if compiled == "graphs" else model
    loss = (lambda ids: forward(input_ids=ids, labels=ids).loss.view(1)) if library == "PEFT" else forward
    trainer = Trainer(parsed, case, model, adapter_type, loss, together=library != "PEFT")
    # The f32 settings are compared loss by loss; of the others a first look chooses the one to measure in full.
    share = 1 if adapter_type == torch.float32 or parsed.best_of else 2
    warmup, steps = parsed.warmup // share, parsed.steps // share
    losses, norms, rates = [], [], []
    for step in range(warmup + steps):
        start = time.perf_counter()
        if compiled == "graphs":
            torch.compiler.cudagraph_mark_step_begin()
        loss_value, norm = trainer.step(step)
        measurement.synchronize(parsed.device)
        losses.append(loss_value)
        norms.append(norm)
        if step >= warmup:
            rates.append(case.tokens / (time.perf_counter() - start))
    peak = torch.cuda.max_memory_allocated() if parsed.device == "cuda" else 0
    measurement.write(parsed, case.name, "", setting, "tokens/s", rates, roof, peak, losses, norms)
    del trainer, model, forward, loss, layers
    gc.collect()
    if compiled:
        torch._dynamo.reset()  # pylint: disable=protected-access


def main():
    parsed = measurement.arguments(__doc__, case="G1", warmup=10, steps=40)
    case = training_case.CASES[parsed.case]
    torch.manual_seed(0)
    roof = measurement.operations_per_second(parsed.device, 8192 if parsed.device == "cuda" else 256) / case.operations_per_token
    f32, bf16 = torch.float32, torch.bfloat16 if parsed.device == "cuda" else torch.float32
    several = len(case.ranks) > 1
    way = "sequential" if several else "eager"
    settings = {
        f"PEFT, f32 adapters, {way}": ("PEFT", f32),
        "plain, bf16 adapters, compiled": ("plain", bf16, "layers"),
        "PEFT, bf16 adapters, compiled": ("PEFT", bf16, "layers"),
        f"PEFT, bf16 adapters, {way}": ("PEFT", bf16),
        "plain, f32 adapters, eager": ("plain", f32),
        "plain, bf16 adapters, compiled to graphs": ("plain", bf16, "graphs"),
        "PEFT, bf16 adapters, eager, checkpointing": ("PEFT", bf16, "", True),
    }
    if several:  # every rank would be compiled anew
        del settings["PEFT, bf16 adapters, compiled"], settings["PEFT, bf16 adapters, eager, checkpointing"]
    measurement.run_settings(
        parsed, case.name, {name: lambda name=name, how=how: measure(parsed, case, roof, name, *how) for name, how in settings.items()})


if __name__ == "__main__":
    main()
