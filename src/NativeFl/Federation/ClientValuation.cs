using NativeFl.Data;
using NativeFl.Evaluation;
using NativeFl.Models;
using NativeFl.Valuation;

namespace NativeFl.Federation;

/// <summary>Plays the games of a round as a plan says.</summary>
/// <param name="stack">The round.</param>
/// <param name="plan">How.</param>
/// <param name="seed">Of the orders, where they are sampled.</param>
public sealed class ClientValuation(ClientStack stack, ClientValuePlan plan, ulong seed)
{
    /// <summary>Examples are cut into so many blocks for the error of first-order values.</summary>
    private const int MostBlocks = 16;

    /// <summary>Players up to which first-order games are enumerated, and orders times players beyond.</summary>
    private const int EnumeratedPlayers = 10, SampledSteps = 2000;

    private IReadOnlyList<IReadOnlyList<TokenizedExample>>? _blocks;
    private IReadOnlyList<IReadOnlyDictionary<ModuleId, double[]>>? _slopes;

    /// <summary>The values in every game of a name, see <see cref="ClientGames"/>.</summary>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public IReadOnlyList<ClientValues> Measure(string games, CancellationToken cancellation = default) =>
        [.. ClientGames.Find(games, stack).Select(game => Measure(game, cancellation))];

    private ClientValues Measure(ClientGame game, CancellationToken cancellation)
    {
        (int evaluationsBefore, double operationsBefore) = (stack.Evaluations, stack.OperationsUsed);
        var table = new GameTable(game, cancellation);
        int clients = game.Players;
        IReadOnlyList<ClientValue> values = plan.Estimator switch
        {
            ClientValuePlan.Exact => Sampled(game, table, new ExactShapley(clients)),
            ClientValuePlan.Antithetic => Sampled(game, table, new AntitheticShapley(clients, plan.Pairs, seed)),
            _ => FirstOrder(game, cancellation),
        };
        if (plan.HasEnds) table.Measure([Coalition.None(clients), Coalition.All(clients)]);
        if (plan.HasLeaveOneOut)
        {
            var leaveOneOut = new LeaveOneOut(clients);
            IReadOnlyList<PlayerValue> left = table.Estimate(leaveOneOut);
            IReadOnlyList<double?> errors = table.Errors(leaveOneOut);
            values = [.. values.Select((value, k) => value with { LeaveOneOut = left[k].Value, LeaveOneOutError = errors[k] })];
        }

        return new ClientValues
        {
            Game = game.Name,
            Plan = plan,
            Clients = values,
            Empty = plan.HasEnds ? table.Values[Coalition.None(clients)] : null,
            All = plan.HasEnds ? table.Values[Coalition.All(clients)] : null,
            LeftOut = table.Values.LeftOut,
            Evaluations = stack.Evaluations - evaluationsBefore,
            Operations = stack.OperationsUsed - operationsBefore,
        };
    }

    private static ClientValue[] Sampled(ClientGame game, GameTable table, IValueEstimator estimator)
    {
        IReadOnlyList<PlayerValue> shapley = table.Estimate(estimator);
        IReadOnlyList<double?> errors = table.Errors(estimator);
        return [.. shapley.Select((value, k) => Value(game, k, value.Value, value.StandardError, errors[k]))];
    }

    /// <summary>One backward pass a block, for all games; the values of the whole are the sums of the blocks'.</summary>
    private ClientValue[] FirstOrder(ClientGame game, CancellationToken cancellation)
    {
        Coalition all = Coalition.All(game.Players);
        _blocks ??= Blocks();
        _slopes ??= stack.Slopes(stack.Mixture((k, module) => 0.5 * game.WeightOf(all, k, module)), _blocks, cancellation);
        int[] counted = [.. _blocks.Select(block => block.Sum(e => TokenBatch.CountTargets(e.Labels, e.Starts)))];
        IReadOnlyList<PlayerValue>[] byBlock = [.. _slopes.Select(slopes => Solve(new FirstOrderGame(game, slopes), cancellation))];
        return
        [
            .. Enumerable.Range(0, game.Players).Select(k =>
            {
                var mean = new ClusteredMean(byBlock.Zip(counted, (values, count) => (values[k].Value, count)));

                // The blocks share their orders, so that their sampling errors add up as they are.
                double? sampling = byBlock.Any(values => values[k].StandardError is null) ? null : byBlock.Sum(values => values[k].StandardError!.Value) / mean.Count;

                // Far from where the slope was taken, as a client alone is in the renormalised game, the error is mostly the slope's: no sample tells it.
                ClientValue value = Value(game, k, mean.Mean, sampling, mean.StandardError);
                return game.IsRenormalised ? value with { StandardError = null } : value;
            }),
        ];
    }

    private IReadOnlyList<PlayerValue> Solve(FirstOrderGame game, CancellationToken cancellation)
    {
        int players = game.Players;
        IValueEstimator estimator = players <= EnumeratedPlayers
            ? new ExactShapley(players)
            : new AntitheticShapley(players, Math.Max(8, SampledSteps / players), seed);
        return new Valuer(game, new CoalitionValues(players)).Estimate(estimator, cancellation: cancellation);
    }

    private TokenizedExample[][] Blocks()
    {
        TokenizedExample[] examples = [.. stack.Validation.Where(e => e.CountedTokens > 0)];
        int blocks = Math.Min(MostBlocks, examples.Length);
        return [.. Enumerable.Range(0, blocks).Select(b => examples[(examples.Length * b / blocks)..(examples.Length * (b + 1) / blocks)])];
    }

    private static ClientValue Value(ClientGame game, int player, double value, double? sampling, double? validation) =>
        new(game.Stack.Changes.Ids[player], game.Stack.Changes.Weights[player], value)
        {
            SamplingError = sampling,
            StandardError = sampling is { } s && validation is { } v ? Math.Sqrt((s * s) + (v * v)) : null,
        };

    /// <summary>What is known of one game, as a whole and by validation example.</summary>
    private sealed class GameTable
    {
        private readonly ClientGame _game;
        private readonly CancellationToken _cancellation;
        private readonly Valuer _valuer;
        private readonly List<KeyValuePair<Coalition, double?>> _measured = [];

        public GameTable(ClientGame game, CancellationToken cancellation)
        {
            (_game, _cancellation) = (game, cancellation);
            Values = new CoalitionValues(game.Players);
            _valuer = new Valuer(game, Values, _measured.AddRange);
        }

        public CoalitionValues Values { get; }

        public IReadOnlyList<PlayerValue> Estimate(IValueEstimator estimator) => _valuer.Estimate(estimator, cancellation: _cancellation);

        public void Measure(IReadOnlyList<Coalition> coalitions)
        {
            foreach (Coalition coalition in coalitions.Where(c => !Values.Has(c)).Distinct())
            {
                double value = _game.Measure([coalition], _cancellation)[0];
                Values.Add(coalition, double.IsFinite(value) ? value : null);
                _measured.Add(new(coalition, Values[coalition]));
            }
        }

        /// <summary>By player the standard error over the validation examples: an estimate is linear in v, so every example has a share of its own in it.</summary>
        public IReadOnlyList<double?> Errors(IValueEstimator estimator)
        {
            Coalition[] finite = [.. _measured.Where(v => v.Value is not null).Select(v => v.Key)];
            IReadOnlyList<double[]> losses = _game.Losses(finite, _cancellation);
            IReadOnlyList<int> counted = _game.Stack.Counted;
            var shares = new List<(double Sum, int Count)>[_game.Players];
            for (int k = 0; k < shares.Length; k++) shares[k] = [];
            foreach (int i in Enumerable.Range(0, counted.Count).Where(i => counted[i] > 0))
            {
                var own = new CoalitionValues(_game.Players);
                foreach ((Coalition coalition, _) in _measured.Where(v => v.Value is null)) own.Add(coalition, null);
                for (int c = 0; c < finite.Length; c++) own.Add(finite[c], -losses[c][i]);
                IReadOnlyList<PlayerValue> estimate = estimator.Estimate(own);
                for (int k = 0; k < shares.Length; k++) shares[k].Add((estimate[k].Value, counted[i]));
            }

            return [.. shares.Select(own => new ClusteredMean(own).StandardError)];
        }
    }
}
