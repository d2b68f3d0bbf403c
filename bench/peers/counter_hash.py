"""Number i of a named stream, the same as CounterHash.cs draws: weights, adapters and tokens agree without a file between the two programs."""
import torch

_MASK = (1 << 64) - 1
_BLOCK = 1 << 26


def _signed(value):
    """A 64-bit pattern as torch's int64 holds it; products wrap around in both."""
    value &= _MASK
    return value - (1 << 64) if value >> 63 else value


def _shifted(z, count):
    return (z >> count) & ((1 << (64 - count)) - 1)


def stream(name):
    """FNV-1a of the name."""
    value = 0xCBF29CE484222325
    for byte in name.encode():
        value = ((value ^ byte) * 0x100000001B3) & _MASK
    return value


def bits(name, first, count, device):
    """Numbers first .. first + count - 1 of the stream, as int64."""
    z = torch.arange(first + 1, first + count + 1, dtype=torch.int64, device=device) * _signed(0x9E3779B97F4A7C15)
    z += _signed(stream(name) * 0xD1342543DE82EF95)
    z = (z ^ _shifted(z, 30)) * _signed(0xBF58476D1CE4E5B9)
    z = (z ^ _shifted(z, 27)) * _signed(0x94D049BB133111EB)
    return z ^ _shifted(z, 31)


@torch.no_grad()
def fill(name, amplitude, tensor):
    """tensor = amplitude * uniform in [-1, 1), computed in f32 and rounded once to the tensor's type."""
    flat = tensor.detach().view(-1)
    scale = torch.tensor(amplitude, dtype=torch.float32, device=tensor.device)
    for first in range(0, flat.numel(), _BLOCK):
        count = min(_BLOCK, flat.numel() - first)
        uniform = _shifted(bits(name, first, count, tensor.device), 40).to(torch.float32) * 2.0**-23 - 1
        flat[first:first + count] = (scale * uniform).to(tensor.dtype)


def integers(name, count, bound, device):
    """Uniform in 0 .. bound - 1."""
    return _shifted(_shifted(bits(name, 0, count, device), 32) * bound, 32)
