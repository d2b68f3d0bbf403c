"""A Llama in plain PyTorch with the module names of Transformers, and LoRA for several clients in one pass: what a careful user writes by hand."""
import math

import torch
import torch.nn.functional as F
from torch import nn

import counter_hash
import training_case


class RmsNorm(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width), requires_grad=False)

    def forward(self, x):
        if hasattr(F, "rms_norm"):
            return F.rms_norm(x, self.weight.shape, self.weight, 1e-5)
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-5) * self.weight


class Attention(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.shape = shape
        for name in ("q_proj", "k_proj", "v_proj", "o_proj"):
            setattr(self, name, linear(*shape.projection(name)))

    def forward(self, x, cosine, sine):
        batch, length, _ = x.shape
        q, k, v = (each(x).view(batch, length, -1, self.shape.head_width).transpose(1, 2) for each in (self.q_proj, self.k_proj, self.v_proj))
        q, k = rotate(q, cosine, sine), rotate(k, cosine, sine)
        if self.shape.heads != self.shape.kv_heads:
            k, v = (each.repeat_interleave(self.shape.heads // self.shape.kv_heads, 1) for each in (k, v))
        return self.o_proj(causal_attention(q, k, v).transpose(1, 2).reshape(batch, length, -1))


class Mlp(nn.Module):
    def __init__(self, shape):
        super().__init__()
        for name in ("gate_proj", "up_proj", "down_proj"):
            setattr(self, name, linear(*shape.projection(name)))

    def forward(self, x):
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Block(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.input_layernorm, self.post_attention_layernorm = RmsNorm(shape.width), RmsNorm(shape.width)
        self.self_attn, self.mlp = Attention(shape), Mlp(shape)

    def forward(self, x, cosine, sine):
        x = x + self.self_attn(self.input_layernorm(x), cosine, sine)
        return x + self.mlp(self.post_attention_layernorm(x))


class Decoder(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.embed_tokens = nn.Embedding(shape.vocabulary, shape.width)
        self.embed_tokens.weight.requires_grad_(False)
        self.layers = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.norm = RmsNorm(shape.width)


class PlainLlama(nn.Module):
    """Returns the loss of every sequence, (batch): each is the mean over its own tokens."""

    def __init__(self, shape):
        super().__init__()
        self.shape = shape
        self.model = Decoder(shape)
        if not shape.tied:
            self.lm_head = linear(shape.vocabulary, shape.width)

    def forward(self, ids):
        x = self.model.embed_tokens(ids)
        width = self.shape.head_width
        frequencies = self.shape.theta ** (-torch.arange(0, width, 2, dtype=torch.float64, device=ids.device) / width)
        angles = torch.arange(ids.shape[1], device=ids.device)[:, None] * frequencies
        cosine, sine = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
        for block in self.model.layers:
            x = block(x, cosine, sine)
        head = self.model.embed_tokens.weight if self.shape.tied else self.lm_head.weight
        logits = F.linear(self.model.norm(x)[:, :-1], head)
        losses = F.cross_entropy(logits.flatten(0, 1).float(), ids[:, 1:].flatten(), reduction="none")
        return losses.view(ids.shape[0], -1).mean(1)


class ClientsLora(nn.Module):
    """A frozen matrix with K adapters, padded with zeros to the largest rank: client k owns rows k of the batch, cut into K equal parts."""

    def __init__(self, base, name, ranks, type_):
        super().__init__()
        self.base, self.clients = base, len(ranks)
        outputs, inputs = base.weight.shape
        device = base.weight.device
        a = torch.zeros(len(ranks), max(ranks), inputs, device=device)
        for k, rank in enumerate(ranks):
            counter_hash.fill(f"{k}/{name}.lora_A", 1 / math.sqrt(inputs), a[k, :rank])
        self.a = nn.Parameter(a.to(type_))                                                              # (K, R, in)
        self.b = nn.Parameter(torch.zeros(len(ranks), max(ranks), outputs, device=device, dtype=type_))    # (K, R, out)

    def forward(self, x):
        y = self.base(x)
        rows = x.reshape(self.clients, -1, x.shape[-1])
        adapted = torch.bmm(torch.bmm(rows, self.a.transpose(1, 2)), self.b)
        return y + 2 * adapted.view(y.shape)


def linear(outputs, inputs):
    layer = nn.Linear(inputs, outputs, bias=False)
    layer.weight.requires_grad_(False)
    return layer


def rotate(x, cosine, sine):
    """The pairs (j, j + D/2) of every head, turned by their angle."""
    first, second = x.chunk(2, -1)
    return torch.cat([first * cosine - second * sine, second * cosine + first * sine], -1)


def causal_attention(q, k, v):
    if hasattr(F, "scaled_dot_product_attention"):
        return F.scaled_dot_product_attention(q, k, v, is_causal=True)
    scores = q @ k.transpose(2, 3) / math.sqrt(q.shape[-1])
    hidden = torch.ones(q.shape[2], q.shape[2], dtype=torch.bool, device=q.device).triu(1)
    return torch.softmax(scores.masked_fill(hidden, float("-inf")), -1) @ v


@torch.no_grad()
def fill_weights(model):
    """Matrices from the streams of their names, norms 1: Transformers' models and these agree."""
    for name, parameter in model.named_parameters():
        if parameter.ndim == 2:
            counter_hash.fill(name, training_case.WEIGHT_AMPLITUDE, parameter)
        else:
            parameter.fill_(1)


def build(case, device, weight_type, adapter_type):
    """The model of a case with its adapters."""
    default = torch.get_default_dtype()
    torch.set_default_dtype(weight_type)
    try:
        model = PlainLlama(case.shape)
    finally:
        torch.set_default_dtype(default)
    model.to(device)
    fill_weights(model)
    for name, module in list(model.named_modules()):
        if isinstance(module, (Attention, Mlp)):
            for child, layer in list(module.named_children()):
                setattr(module, child, ClientsLora(layer, f"{name}.{child}", case.ranks, adapter_type))
    return model
