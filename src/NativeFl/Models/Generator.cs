using NativeFl.Finetuning;

namespace NativeFl.Models;

/// <summary>Continues prompts token by token with a key/value cache; prompts of unequal length go side by side, without padding.</summary>
public sealed class Generator
{
    private readonly Transformer _model;
    private readonly StackUse? _use;

    /// <summary>Makes a generator; adapters and weights as in <see cref="TokenScorer"/>.</summary>
    public Generator(Transformer model, AdapterStack? adapters = null, IReadOnlyList<float>? weights = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        _model = model;
        if (adapters is null) return;
        weights ??= [.. Enumerable.Repeat(1f, adapters.Count)];
        adapters.CheckWeights(weights);
        _use = new StackUse(adapters, weights, trains: false);
    }

    /// <summary>New tokens of every prompt, without the prompt; an end-of-text token ends a sequence and is not included.</summary>
    /// <param name="prompts">Token ids, each at least one.</param>
    /// <param name="options">How tokens are chosen.</param>
    /// <param name="onToken">Told of every new token as it comes: (prompt, token).</param>
    /// <param name="cancellation">Polled between tokens.</param>
    public int[][] Generate(
        IReadOnlyList<int[]> prompts, GenerationOptions options, Action<int, int>? onToken = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(prompts);
        ArgumentNullException.ThrowIfNull(options);
        if (prompts.Count == 0 || options.MaxNewTokens <= 0) return [.. prompts.Select(_ => Array.Empty<int>())];
        if (prompts.Any(p => p.Length == 0)) throw new ArgumentException("a prompt has no tokens", nameof(prompts));
        using KvCache cache = Cache(prompts.Count, prompts.Max(p => p.Length), options.MaxNewTokens);
        int rows = Math.Max(prompts.Max(p => p.Length), prompts.Count);
        using var pass = new TransformerPass(_model, new PassOptions { MaxRows = rows, MaxHeadRows = prompts.Count }, frozen: _use);
        var run = new Run(_model, prompts, options, onToken);
        run.Prefill(pass, cache, cancellation);
        while (run.Decode(pass, cache)) cancellation.ThrowIfCancellationRequested();
        return run.Outputs;
    }

    /// <summary>The cache of a run, planned; memory is taken when it is first used.</summary>
    internal KvCache Cache(int sequences, int longestPrompt, int newTokens) => new(_model, sequences, checked(longestPrompt + newTokens));

    private sealed class Run(Transformer model, IReadOnlyList<int[]> prompts, GenerationOptions options, Action<int, int>? onToken)
    {
        private readonly TokenBatch _batch = new();
        private readonly List<int>[] _outputs = [.. prompts.Select(_ => new List<int>())];
        private readonly TokenSampler[] _samplers = [.. prompts.Select((_, i) => new TokenSampler(options, (ulong)i))];
        private readonly List<int> _active = [];

        public int[][] Outputs => [.. _outputs.Select(o => o.ToArray())];

        /// <summary>Prompts one after another: each is a product tall enough to be efficient by itself, and scratch room stays small.</summary>
        public void Prefill(TransformerPass pass, KvCache cache, CancellationToken cancellation)
        {
            for (int i = 0; i < prompts.Count; i++)
            {
                cancellation.ThrowIfCancellationRequested();
                _batch.Clear();
                _batch.AddCached(prompts[i], 0, i * cache.Capacity);
                _batch.AddTarget(prompts[i].Length - 1, 0, 1);
                pass.Forward(_batch, cache);
                _active.Add(i);
                Choose(pass, [i]);
            }
        }

        /// <summary>One token for every sequence that goes on; false when none does.</summary>
        public bool Decode(TransformerPass pass, KvCache cache)
        {
            if (_active.Count == 0) return false;
            _batch.Clear();
            int[] sequences = [.. _active];
            for (int row = 0; row < sequences.Length; row++)
            {
                int i = sequences[row], position = prompts[i].Length + _outputs[i].Count - 1;
                _batch.AddCached([_outputs[i][^1]], position, i * cache.Capacity);
                _batch.AddTarget(row, 0, 1);
            }

            pass.Forward(_batch, cache);
            Choose(pass, sequences);
            return true;
        }

        private void Choose(TransformerPass pass, int[] sequences)
        {
            int vocabulary = model.Config.VocabularySize;
            pass.Logits((first, rows, logits) =>
            {
                for (int row = 0; row < rows; row++)
                {
                    int i = sequences[first + row];
                    int token = _samplers[i].Next(logits.AsSpan(row * vocabulary, vocabulary));
                    if (!options.IgnoreEos && model.Config.EosTokenIds.Contains(token))
                    {
                        _active.Remove(i);
                        continue;
                    }

                    _outputs[i].Add(token);
                    onToken?.Invoke(i, token);
                    if (_outputs[i].Count >= options.MaxNewTokens) _active.Remove(i);
                }
            });
        }
    }
}
