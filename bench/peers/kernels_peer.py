"""The peers of gpu-kernels: the kernels of G12 in eager PyTorch, as Triton by torch.compile and from Liger where it is installed, and the
attention of G13 by SDPA's backends. The items have the names that gpu-kernels gives them.

    python3 kernels_peer.py [--case G12|G13] [--results FILE.jsonl]
"""
import contextlib
import itertools
import math

import torch
import torch.nn.functional as F

import measurement

CALLS = 10


def rms_norm(x, w):
    rstd = torch.rsqrt(x.float().square().mean(-1, keepdim=True) + 1e-5)
    return (x.float() * rstd * w).to(x.dtype), rstd


def residual_rms_norm(x, delta, w):
    total = x + delta
    y, rstd = rms_norm(total, w)
    return total, y, rstd


def row_products(x, y):
    x, y = x.float(), y.float()
    return torch.stack(((x * y).sum(-1), x.square().sum(-1), y.square().sum(-1)), -1)


def residual_rms_norm_with_products(x, delta, w):
    total, y, rstd = residual_rms_norm(x, delta, w)
    return total, y, rstd, row_products(x, total)


def rms_norm_backward(dy, x, w, rstd, dx):
    scaled, wide = dy.float() * w, x.float()
    gradient = rstd * (scaled - wide * rstd.square() * (scaled * wide).mean(-1, keepdim=True))
    return dx.add_(gradient.to(dx.dtype))


def swiglu(gate, up):
    return F.silu(gate) * up


def swiglu_backward(dy, gate, up):
    wide, s = gate.float(), torch.sigmoid(gate.float())
    silu = wide * s
    return (dy.float() * up.float() * (s + silu * (1 - s))).to(gate.dtype), (dy.float() * silu).to(gate.dtype)


def rope(x, cosine, sine):
    first, second = x.view(x.shape[0], -1, 128).chunk(2, -1)
    return torch.cat([first * cosine - second * sine, second * cosine + first * sine], -1).view(x.shape)


def cross_entropy(logits, labels, weights):
    losses = torch.logsumexp(logits, -1) - logits.gather(1, labels[:, None])[:, 0]
    gradient = torch.softmax(logits, -1)
    gradient.scatter_add_(1, labels[:, None], torch.full_like(labels[:, None], -1, dtype=gradient.dtype))
    return losses, logits.copy_(gradient * weights[:, None])


class Rows:
    """The operands of G12, each larger than the caches."""

    def __init__(self, parsed):
        self.device = parsed.device
        self.type = torch.bfloat16 if self.device == "cuda" else torch.float32
        self.rows, self.columns = (4, 1024) if parsed.tiny else (16384, 8192)
        self.x, self.delta, self.y, self.out = (self.random(self.rows, self.columns) for _ in range(4))
        self.w = self.random(self.columns, type_=torch.float32)
        self.rstd = self.random(self.rows, 1, type_=torch.float32)
        angles = torch.rand(self.rows, 1, 64, device=self.device)
        self.cosine, self.sine = angles.cos().to(self.type), angles.sin().to(self.type)

    def random(self, *sizes, type_=None):
        return torch.rand(*sizes, device=self.device).sub_(0.5).to(type_ or self.type)

    def kernels(self):
        """{name: (bytes per element, function, operands)}"""
        return {
            "RmsNormForward": (4, rms_norm, (self.x, self.w)),
            "ResidualRmsNormForward": (8, residual_rms_norm, (self.x, self.delta, self.w)),
            "ResidualRmsNormForwardWithProducts": (8, residual_rms_norm_with_products, (self.x, self.delta, self.w)),
            "CosineSimilarity": (4, row_products, (self.x, self.delta)),
            "RmsNormBackward": (8, rms_norm_backward, (self.delta, self.x, self.w, self.rstd, self.out)),
            "SwigluForward": (6, swiglu, (self.x, self.delta)),
            "SwigluBackward": (10, swiglu_backward, (self.y, self.x, self.delta)),
            "RopeForward": (4, rope, (self.x, self.cosine, self.sine)),
        }

    def liger(self):
        """The same from Liger-Kernel, forwards only: its backwards come with autograd's bookkeeping."""
        from liger_kernel.ops.rms_norm import LigerRMSNormFunction
        from liger_kernel.ops.swiglu import LigerSiLUMulFunction
        w = self.w.to(self.type)
        return {
            "RmsNormForward": (4, lambda: LigerRMSNormFunction.apply(self.x, w, 1e-5), ()),
            "SwigluForward": (6, lambda: LigerSiLUMulFunction.apply(self.x, self.delta), ()),
        }


def measure_rows(parsed, setting, wrap, copied):
    rows = Rows(parsed)
    scale = 1 if rows.type == torch.bfloat16 else 2
    shape = f"{rows.rows} × {rows.columns}"
    kernels = rows.liger() if setting == "Liger" else rows.kernels()
    if setting == "eager":
        kernels["Copy"] = (4, lambda: rows.y.copy_(rows.x), ())

    def report(item, bytes_moved, call):
        seconds = measurement.times(parsed.device, 3, 9, CALLS, call)
        measurement.write(parsed, "G12", item, setting, "GB/s", [bytes_moved / each / 1e9 for each in seconds], copied / 1e9)

    with torch.no_grad():
        for name, (traffic, function, operands) in kernels.items():
            call = wrap(function)
            report(f"{name}, {shape}", scale * traffic * rows.rows * rows.columns, lambda: call(*operands))
    del rows, kernels
    if setting == "Liger":
        return
    with torch.no_grad():
        rows, vocabulary = (1, 1024) if parsed.tiny else (4096, 128256)
        logits, weights = torch.rand(rows, vocabulary, device=parsed.device), torch.rand(rows, device=parsed.device)
        labels = torch.arange(rows, device=parsed.device)
        call = wrap(cross_entropy)
        report(f"CrossEntropyWithGradient, {rows} × {vocabulary}", 8 * logits.numel(), lambda: call(logits, labels, weights))
        if hasattr(F, "scaled_dot_product_attention"):
            measure_decoded(parsed, wrap, report)
    if setting == "eager":
        measure_optimiser(parsed, report)


def measure_decoded(parsed, wrap, report):
    """One query of a sequence, layer after layer: together they do not fit the caches."""
    layers, heads, kv_heads, width = 20, 32, 8, 128
    type_ = torch.bfloat16 if parsed.device == "cuda" else torch.float32
    call = wrap(lambda q, k, v: F.scaled_dot_product_attention(q, k, v, enable_gqa=True))
    for rows in (1, 2) if parsed.tiny else (2048, 8192):
        keys, values = ([torch.rand(1, kv_heads, rows, width, device=parsed.device).to(type_) for _ in range(layers)] for _ in range(2))
        q = torch.rand(1, heads, 1, width, device=parsed.device).to(type_)
        layer = itertools.cycle(range(layers))

        def step():
            i = next(layer)
            call(q, keys[i], values[i])

        report(f"DecodedAttention, {rows} × {kv_heads * width}", 2 * q.element_size() * rows * kv_heads * width, step)


def measure_optimiser(parsed, report):
    rows, columns = (10, 1024) if parsed.tiny else (40960, 1024)
    parameter = torch.rand(rows * columns, device=parsed.device, requires_grad=True)
    parameter.grad = torch.rand_like(parameter)
    optimizer = torch.optim.AdamW([parameter], lr=1e-6, weight_decay=0.01, **({"fused": True} if parsed.device == "cuda" else {}))
    report(f"AdamW, {rows} × {columns}", 28 * parameter.numel(), optimizer.step)
    report(f"GradNorm, {rows} × {columns}", 4 * parameter.numel(), lambda: torch.linalg.vector_norm(parameter.grad))


def measure_attention(parsed, setting, backend, multiplied):
    shapes = [(2, 1, 64, 64, 1)] if parsed.tiny else [(32, 8, 64, 2048, 8), (32, 8, 64, 8192, 2), (32, 8, 128, 2048, 8), (32, 8, 128, 8192, 2)]
    type_ = torch.bfloat16 if parsed.device == "cuda" else torch.float32
    for heads, kv_heads, width, length, sequences in shapes:
        item = f"H {heads}/{kv_heads} D {width} T {length} B {sequences}"
        q, k, v, d_out = (
            torch.rand(sequences, n, length, width, device=parsed.device).sub_(0.5).to(type_).requires_grad_()
            for n in (heads, kv_heads, kv_heads, heads))
        operations = 4.0 * width * heads * sequences * (length * (length + 1) / 2)
        with backend():
            def attention():
                return F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)

            with torch.no_grad():
                forward = measurement.times(parsed.device, 3, 9, 4, attention)
            out = attention()
            backward = measurement.times(parsed.device, 3, 9, 4, lambda: torch.autograd.grad(out, (q, k, v), d_out, retain_graph=True))
        for name, factor, seconds in (("Forward", 1, forward), ("Backward", 2.5, backward)):
            rates = [factor * operations / each / 1e12 for each in seconds]
            measurement.write(parsed, "G13", f"{name}, {item}", setting, "TFLOP/s", rates, multiplied / 1e12)


def sdpa(backend):
    from torch.nn.attention import SDPBackend, sdpa_kernel
    return lambda: sdpa_kernel(getattr(SDPBackend, backend))


def plain_attention(q, k, v, is_causal, enable_gqa):
    """For a PyTorch without SDPA: the T × T matrix."""
    assert is_causal and enable_gqa
    k, v = (each.repeat_interleave(q.shape[1] // k.shape[1], 1) for each in (k, v))
    hidden = torch.ones(q.shape[2], q.shape[2], dtype=torch.bool, device=q.device).triu(1)
    return torch.softmax((q @ k.transpose(2, 3) / math.sqrt(q.shape[-1])).masked_fill(hidden, float("-inf")), -1) @ v


def main():
    parsed = measurement.arguments(__doc__, case="")
    torch.manual_seed(0)
    if parsed.case in ("", "G12"):
        copied = measurement.copied_bytes_per_second(parsed.device, 2**20 if parsed.tiny else 2**31)
        settings = {"eager": lambda: measure_rows(parsed, "eager", lambda function: function, copied)}
        if hasattr(torch, "compile"):
            compiled = "Triton by torch.compile"
            settings[compiled] = lambda: measure_rows(parsed, compiled, lambda function: torch.compile(function, mode="max-autotune-no-cudagraphs"), copied)
        with contextlib.suppress(ImportError):
            import liger_kernel  # noqa: F401  pylint: disable=unused-import
            settings["Liger"] = lambda: measure_rows(parsed, "Liger", lambda function: function, copied)
        measurement.run_settings(parsed, "G12", settings)
    if parsed.case in ("", "G13"):
        multiplied = measurement.operations_per_second(parsed.device, 256 if parsed.tiny else 8192)
        settings = {}
        if not hasattr(F, "scaled_dot_product_attention"):
            F.scaled_dot_product_attention = plain_attention
            settings["plain"] = lambda: measure_attention(parsed, "plain", contextlib.nullcontext, multiplied)
        else:
            for name, backend in (("SDPA, flash", "FLASH_ATTENTION"), ("SDPA, cuDNN", "CUDNN_ATTENTION")):
                settings[name] = lambda name=name, backend=backend: measure_attention(parsed, name, sdpa(backend), multiplied)
        measurement.run_settings(parsed, "G13", settings)


if __name__ == "__main__":
    main()
