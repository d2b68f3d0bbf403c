"""What the GPU peers share: flags, the clock, the two limits of the device, and the line of JSON that Measurement.cs writes too."""
import argparse
import json
import statistics
import time
import traceback

import torch


def arguments(description, **extra):
    """The flags of every peer, and more: name="help" for text, name=number for a number."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--device", default="cuda", choices=["cuda", "cpu"])
    parser.add_argument("--tiny", action="store_true", help="small operands, to try the program where there is no GPU")
    parser.add_argument("--results", default="", help="the file that results are appended to")
    parser.add_argument("--seconds", type=float, default=1e9, help="after this time no further setting is begun")
    parser.add_argument("--settings", default="", help="only settings whose name contains one of these, separated by |")
    parser.add_argument("--best-of", default="", help="only the setting that is best for the case in this file of results")
    for name, default in extra.items():
        parser.add_argument("--" + name.replace("_", "-"), type=type(default), default=default)
    parsed = parser.parse_args()
    parsed.start = time.perf_counter()
    return parsed


def synchronize(device):
    if device == "cuda":
        torch.cuda.synchronize()


def times(device, warmup, repetitions, calls, call):
    """Seconds of one call, for every repetition of `calls` calls that are waited for together."""
    seconds = []
    for repetition in range(warmup + repetitions):
        synchronize(device)
        start = time.perf_counter()
        for _ in range(calls):
            call()
        synchronize(device)
        if repetition >= warmup:
            seconds.append((time.perf_counter() - start) / calls)
    return seconds


def copied_bytes_per_second(device, size=2**31):
    source = torch.rand(size // 4, device=device)
    target = torch.empty_like(source)
    return 2 * size / min(times(device, 1, 3, 10, lambda: target.copy_(source)))


def operations_per_second(device, size=8192):
    type_ = torch.bfloat16 if device == "cuda" else torch.float32
    a, b = (torch.rand(size, size, device=device).sub_(0.5).to(type_) for _ in range(2))
    c = torch.empty(size, size, device=device, dtype=type_)
    return 2 * size**3 / min(times(device, 1, 3, 10, lambda: torch.mm(a, b.t(), out=c)))


def quantile(values, part):
    values = sorted(values)
    place = part * (len(values) - 1)
    below = int(place)
    return values[below] + (place - below) * (values[min(below + 1, len(values) - 1)] - values[below])


def device_name(device):
    return torch.cuda.get_device_name() if device == "cuda" else "cpu"


def write(parsed, case, item, setting, unit, values, roof=0.0, peak_bytes=0, losses=(), grad_norms=()):
    line = {
        "case": case, "item": item, "system": "pytorch", "setting": setting, "device": device_name(parsed.device), "unit": unit,
        "median": statistics.median(values), "p10": quantile(values, 0.1), "p90": quantile(values, 0.9), "repetitions": len(values),
        "roof": roof, "peak_bytes": peak_bytes, "losses": [round(each, 7) for each in losses],
        "grad_norms": [round(each, 7) for each in grad_norms],
    }
    if parsed.results:
        with open(parsed.results, "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
    print(f"{case} {item} [{setting}]: {line['median']:.3f} {unit} (p10 {line['p10']:.3f}, p90 {line['p90']:.3f})", flush=True)


def best_setting(path, case):
    """The name of the fastest peer's setting of a case: the highest rate, or the shortest time."""
    with open(path, encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    lines = [line for line in lines if line.get("case") == case and line.get("system") == "pytorch"]
    if not lines:
        raise SystemExit(f"{path}: expected results of a peer for {case}, got none")
    return max(lines, key=lambda line: -line["median"] if line["unit"] == "ms" else line["median"])["setting"]


def run_settings(parsed, case, settings):
    """Runs every chosen setting {name: function}; one that fails says so and does not stop the others."""
    if parsed.best_of:
        chosen = [best_setting(parsed.best_of, case)]
    else:
        chosen = [name for name in settings if any(part in name for part in parsed.settings.split("|"))]
    measured = 0
    for name in chosen:
        if time.perf_counter() - parsed.start > parsed.seconds:
            print(f"{case} [{name}]: left out, no time", flush=True)
            continue
        try:
            settings[name]()
            measured += 1
        except Exception:  # pylint: disable=broad-except
            print(f"{case} [{name}]: failed", flush=True)
            traceback.print_exc(limit=4)
        if parsed.device == "cuda":
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
    if measured == 0:
        raise SystemExit(f"{case}: no setting was measured")
