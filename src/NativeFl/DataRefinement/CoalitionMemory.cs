using System.Globalization;
using NativeFl.Data;
using NativeFl.Finetuning;
using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.DataRefinement;

/// <summary>
/// How many coalitions of a <see cref="FineTuningGame"/> fit side by side, by the tables that the run itself is made from: the weights, and
/// either the adapters with gradients, optimiser state and the activations of a step, or the adapters and the pass that scores them, whichever is
/// more; and the adapters on the host.
/// </summary>
/// <param name="AtOnce">Coalitions side by side.</param>
/// <param name="MaxRows">Token rows of a pass, so that all of them train and are scored together.</param>
/// <param name="Bytes">What that takes.</param>
public sealed record CoalitionMemory(int AtOnce, int MaxRows, long Bytes)
{
    /// <summary>More side by side than this save nothing.</summary>
    public const int Most = 64;

    /// <summary>The most token rows of a pass that serves more than one coalition.</summary>
    public const int MostRows = 1 << 14;

    private const int LeastRows = 2048;

    /// <summary>As many coalitions as fit, or as many as are asked for.</summary>
    /// <param name="backend">Where; nothing is allocated on it but a table of a few hundred bytes.</param>
    /// <param name="config">The base.</param>
    /// <param name="weightType">How its matrices are stored in memory.</param>
    /// <param name="examples">All records of all players.</param>
    /// <param name="utility">What they are scored on.</param>
    /// <param name="options">The fine-tuning.</param>
    /// <param name="budget">Bytes.</param>
    /// <param name="atOnce">So many, whatever they take; null: as many as fit.</param>
    /// <exception cref="InvalidInputException">Not even one fits.</exception>
    public static CoalitionMemory Plan(
        Backend backend, ModelConfig config, DType weightType, IReadOnlyList<TokenizedExample> examples, IQuality utility, FineTuningGameOptions options,
        long budget, int? atOnce)
    {
        ArgumentNullException.ThrowIfNull(examples);
        ArgumentNullException.ThrowIfNull(utility);
        ArgumentNullException.ThrowIfNull(options);
        (int rows, int counted) = new TrainingClient("", 0, examples, options.Training).Largest();
        int longest = utility.Examples.Max(example => example.InputIds.Length);
        CoalitionMemory Of(int count)
        {
            int maxRows = Math.Max(Math.Max(checked(rows * count), longest), LeastRows);
            return new CoalitionMemory(count, maxRows, BytesOf(backend, config, weightType, options, count, (rows * count, counted * count), maxRows));
        }

        if (atOnce is { } asked) return Of(asked);
        CoalitionMemory best = Of(1);
        if (best.Bytes > budget)
        {
            throw new InvalidInputException(
                "--memory-budget", string.Create(CultureInfo.InvariantCulture, $"at least {best.Bytes} bytes, for one coalition at a time"),
                budget.ToString(CultureInfo.InvariantCulture));
        }

        for (int low = 1, high = Math.Clamp(MostRows / rows, 1, Most); low < high;)
        {
            int middle = (low + high + 1) / 2;
            CoalitionMemory more = Of(middle);
            if (more.Bytes <= budget) (best, low) = (more, middle);
            else high = middle - 1;
        }

        return best;
    }

    private static long BytesOf(
        Backend backend, ModelConfig config, DType weightType, FineTuningGameOptions options, int count, (int Rows, int Counted) step, int maxRows)
    {
        using Transformer model = Transformer.Plan(backend, config, weightType);
        var training = new PassOptions { MaxRows = step.Rows, MaxHeadRows = step.Counted, Backward = true, Dropout = (float)options.Training.Dropout };
        var scoring = new PassOptions { MaxRows = maxRows, MaxHeadRows = maxRows };
        (long Pass, long Values) Take(PassOptions pass, bool trains)
        {
            using AdapterStack stack = AdapterStack.Plan(model, options.Lora, count, trains);
            using var planned = new TransformerPass(model, pass, new StackUse(stack, weights: null, trains));
            return (stack.Flat.Plan.Bytes + planned.Plans.Sum(plan => plan.Bytes), stack.ParameterCount);
        }

        (long trained, long values) = Take(training, true);
        (long scored, _) = Take(scoring, false);
        return model.Weights.Layout.Plan.Bytes + Math.Max(trained, scored) + (2 * sizeof(float) * values);
    }
}
