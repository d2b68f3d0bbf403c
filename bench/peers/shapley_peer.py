"""The peer of gpu-shapley and of ShapleyBenchmarks: marginals of every player along random orders, in batches of orders.

    python3 shapley_peer.py [--batch 2048] [--steps 9] [--items 'voting|d = 64'] [--results FILE.jsonl]

An order is the argsort of uniform numbers; the games are those of ShapleyOperands.cs, from the same streams. As in ours, means and squares are
summed in double, and the values must add up to v(all).
"""
import math

import torch

import counter_hash
import measurement


class Games:
    """The operands, and of each game the marginals (P, n) in the order of the places."""

    def __init__(self, parsed):
        self.tiny, device = parsed.tiny, parsed.device
        self.n, self.width, self.wide, self.points = (40, 8, 50, 9) if parsed.tiny else (1000, 64, 4096, 256)
        self.gains, self.rows = self.floats("gains", (self.n,), device), self.floats("rows", (self.n, self.width), device)
        long_rows = self.floats("long rows", (self.n, self.wide), device)
        self.gram = long_rows @ long_rows.t()
        self.weights = counter_hash.integers("shapley/weights", self.n, 100, device)
        self.quota = int(self.weights.sum()) // 2
        bits = torch.stack([counter_hash.bits(f"shapley/point {t}", 0, self.n, device) for t in range(self.points)], 1)
        unsigned = bits ^ (-1 << 63)  # the order of the 64-bit patterns
        self.keys = 2 * unsigned.argsort(0).argsort(0) + (bits & 1)

    def floats(self, name, shape, device):
        tensor = torch.empty(*shape, device=device)
        counter_hash.fill("shapley/" + name, 1 / math.sqrt(self.n), tensor)
        return tensor

    def quadratic(self, orders):
        ordered = self.rows[orders]
        before_and_half = ordered.cumsum(1) - 0.5 * ordered
        return self.gains[orders] - (ordered * before_and_half).sum(-1)

    def gram_game(self, orders):
        place = torch.empty_like(orders).scatter_(1, orders, torch.arange(self.n, device=orders.device).expand_as(orders))
        before = ((place[:, None, :] < place[:, :, None]) * self.gram).sum(-1)  # (P, n) by player
        return (self.gains - before - 0.5 * self.gram.diagonal()).gather(1, orders)

    def voting(self, orders):
        weights = self.weights[orders]
        sums = weights.cumsum(1)
        return ((sums >= self.quota).float() - (sums - weights >= self.quota).float())

    def neighbours(self, orders):
        nearest = torch.full((orders.shape[0], self.points, 6), 2**31 - 2, dtype=torch.int64, device=orders.device)
        marginals = torch.empty(orders.shape, device=orders.device)
        for place in range(self.n):
            key = self.keys[orders[:, place]]  # (P, T)
            nearest[:, :, 5] = key
            nearest = nearest.sort(-1)[0]
            marginals[:, place] = ((key & 1) - (nearest[:, :, 5] & 1)).sum(1) / (5 * self.points)
        return marginals

    def items(self):
        """{name: (marginals, share of the batch)}"""
        return {
            f"quadratic, n = {self.n}, d = {self.width}": (self.quadratic, 1),
            f"quadratic by products of rows, n = {self.n}, d = {self.wide}": (self.gram_game, 16),
            f"voting, n = {self.n}": (self.voting, 1),
            f"nearest neighbours, n = {self.n}, T = {self.points}, K = 5": (self.neighbours, 8),
        }


@torch.no_grad()
def measure(parsed, setting, wrap):
    games = Games(parsed)
    for item, (marginals, share) in games.items().items():
        if not any(part in item for part in parsed.items.split("|")):
            continue
        batch, values = max(1, parsed.batch // share), wrap(marginals)
        moments = torch.zeros(2, games.n, dtype=torch.float64, device=parsed.device)

        def step(batch=batch, values=values, moments=moments):
            orders = torch.rand(batch, games.n, device=parsed.device).argsort(1)
            found = values(orders)
            by_player = torch.empty_like(found).scatter_(1, orders, found).double()
            moments[0] += by_player.sum(0)
            moments[1] += by_player.square().sum(0)

        seconds = measurement.times(parsed.device, 1 if parsed.tiny else 2, parsed.steps, 1, step)
        total = moments[0].sum().item() / ((len(seconds) + (1 if parsed.tiny else 2)) * batch)
        one = values(torch.arange(games.n, device=parsed.device)[None]).double().sum().item()
        assert abs(total - one) <= 1e-3 * (abs(one) + 1), f"{item}: the values add up to {total}, not {one}"
        measurement.write(parsed, "G14", item, setting, "orders/s", [batch / each for each in seconds])


def main():
    parsed = measurement.arguments(__doc__, batch=2048, steps=9, items="")
    if parsed.tiny:
        parsed.batch, parsed.steps = 16, 1
    torch.manual_seed(0)
    settings = {"eager": lambda: measure(parsed, "eager", lambda function: function)}
    if hasattr(torch, "compile") and parsed.device == "cuda":
        settings["compiled"] = lambda: measure(parsed, "compiled", lambda function: function if function.__name__ == "neighbours" else torch.compile(function))
    measurement.run_settings(parsed, "G14", settings)


if __name__ == "__main__":
    main()
