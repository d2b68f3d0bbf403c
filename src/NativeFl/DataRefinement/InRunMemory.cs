using System.Globalization;
using NativeFl.Data;
using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.DataRefinement;

/// <summary>
/// What the training of <see cref="InRunValues"/> takes, by the tables that the run itself is made from: the weights; the adapter with its optimiser's
/// state; a copy of it with a gradient for every record of a step and for every block of validation records; the activations of a pass of each; and
/// what is kept on the host. The rows of a pass are what there is to save.
/// </summary>
/// <param name="MaxRows">The most token rows of a pass.</param>
/// <param name="Bytes">What that takes.</param>
public sealed record InRunMemory(int MaxRows, long Bytes)
{
    /// <summary>Passes as large as fit: of <see cref="InRunOptions.MaxRows"/>, half of that, and so on, down to the longest record alone.</summary>
    /// <param name="backend">Where; nothing is allocated on it but a table of a few hundred bytes.</param>
    /// <param name="config">The base.</param>
    /// <param name="weightType">How its matrices are stored in memory.</param>
    /// <param name="records">What is trained on and valued.</param>
    /// <param name="validation">What values are measured on.</param>
    /// <param name="options">The training.</param>
    /// <param name="budget">Bytes.</param>
    /// <exception cref="InvalidInputException">Not even one record at a time fits, or <see cref="InRunValues"/> would refuse its input.</exception>
    public static InRunMemory Plan(
        Backend backend, ModelConfig config, DType weightType, IReadOnlyList<TokenizedExample> records, IReadOnlyList<TokenizedExample> validation,
        InRunOptions options, long budget)
    {
        ArgumentNullException.ThrowIfNull(options);
        TokenizedExample[] scored = InRunValues.Check(records, validation, options);
        int longest = records.Concat(scored).Max(example => example.InputIds.Length);
        for (int rows = Math.Max(options.MaxRows, longest); ; rows = Math.Max(rows / 2, longest))
        {
            using Transformer model = Transformer.Plan(backend, config, weightType);
            using InRunTraining training = InRunTraining.Plan(model, records, scored, options with { MaxRows = rows });
            var memory = new InRunMemory(rows, model.Weights.Layout.Plan.Bytes + training.Bytes);
            if (memory.Bytes <= budget) return memory;
            if (rows > longest) continue;
            throw new InvalidInputException(
                "--memory-budget",
                string.Create(CultureInfo.InvariantCulture, $"at least {memory.Bytes} bytes, for one record a pass; a smaller --batch-size, --max-length or --rank takes less"),
                budget.ToString(CultureInfo.InvariantCulture));
        }
    }
}
