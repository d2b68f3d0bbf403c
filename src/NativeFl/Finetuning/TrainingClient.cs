using NativeFl.Data;
using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.Finetuning;

/// <summary>Where one client stands in its own run: schedule, data order, losses.</summary>
internal sealed class TrainingClient
{
    private readonly int[] _drawn;
    private readonly List<int[]> _microBatches = [];

    public TrainingClient(string id, ulong seed, IReadOnlyList<TokenizedExample> examples, TrainingOptions options)
    {
        if (examples.Count == 0) throw new ArgumentException($"client {id} has no examples", nameof(examples));
        (Id, Seed, Examples, Options) = (id, seed, examples, options);
        TotalSteps = options.StepsFor(examples.Count);
        Order = new BatchOrder(examples.Count, options.Shuffle, seed);
        _drawn = new int[Math.Min(options.BatchSize, examples.Count)];
    }

    public string Id { get; }

    public ulong Seed { get; }

    public IReadOnlyList<TokenizedExample> Examples { get; }

    public TrainingOptions Options { get; }

    /// <summary>The hash of <see cref="Examples"/>.</summary>
    public string DataHash => field ??= Dataset.Hash(Examples);

    public int TotalSteps { get; }

    public BatchOrder Order { get; private set; }

    /// <summary>Optimiser steps done.</summary>
    public int Step { get; private set; }

    /// <summary>Micro-batches done: what dropout is keyed on.</summary>
    public int MicroStep { get; set; }

    public long Tokens { get; private set; }

    public bool Diverged { get; private set; }

    public List<double> Losses { get; } = [];

    public bool IsActive => !Diverged && Step < TotalSteps;

    /// <summary>The micro-batches of the step that was begun: example indices.</summary>
    public IReadOnlyList<int[]> MicroBatches => _microBatches;

    /// <summary>Counted tokens of the step that was begun: the denominator of its loss.</summary>
    public int Counted { get; private set; }

    /// <summary>Σ −log p over the counted tokens so far of this step.</summary>
    public double LossSum { get; set; }

    /// <summary>Token rows of the step that was begun.</summary>
    public long StepTokens { get; private set; }

    /// <summary>The most token rows, and counted rows, of one of this client's micro-batches.</summary>
    public (int Rows, int Counted) Largest()
    {
        int Top(Func<TokenizedExample, int> size) =>
            checked((int)Examples.Select(e => (long)size(e)).OrderDescending().Take(Options.BatchSize).Sum());
        return (Top(e => e.InputIds.Length), Top(e => TokenBatch.CountTargets(e.Labels, e.Starts)));
    }

    /// <summary>Draws the micro-batches of the next step; a step ends where the epoch ends.</summary>
    public void Begin()
    {
        _microBatches.Clear();
        (Counted, StepTokens, LossSum) = (0, 0, 0);
        for (int a = 0; a < Options.GradientAccumulation; a++)
        {
            int count = Order.NextBatch(_drawn);
            _microBatches.Add(_drawn[..count]);
            foreach (int i in _microBatches[^1])
            {
                Counted += TokenBatch.CountTargets(Examples[i].Labels, Examples[i].Starts);
                StepTokens += Examples[i].InputIds.Length;
            }

            if (Order.Position % Examples.Count == 0) break;
        }
    }

    /// <summary>AdamW's numbers for the step that was begun.</summary>
    public AdamWSegment Segment() => new(
        Step + 1, (float)Rate(), (float)Options.WeightDecay, (float)Options.GradClip);

    public double Rate() => Options.Schedule.RateAt(Options.LearningRate, Step, Options.WarmupSteps, TotalSteps);

    /// <summary>Ends the step: counts it, or marks the client diverged.</summary>
    public TrainingStep End(float gradNorm)
    {
        double loss = LossSum / Math.Max(Counted, 1), rate = Rate();
        Tokens += StepTokens;
        if (!double.IsFinite(loss) || !float.IsFinite(gradNorm)) Diverged = true;
        else Step++;
        Losses.Add(loss);
        return new TrainingStep(Id, Losses.Count, TotalSteps, loss, rate, gradNorm, StepTokens);
    }

    /// <summary>Puts a client back where a checkpoint left it.</summary>
    public void Restore(int step, int microStep, long position, long tokens, bool diverged, IEnumerable<double> losses)
    {
        (Step, MicroStep, Tokens, Diverged) = (step, microStep, tokens, diverged);
        Order = new BatchOrder(Examples.Count, Options.Shuffle, Seed, position);
        Losses.Clear();
        Losses.AddRange(losses);
    }
}
