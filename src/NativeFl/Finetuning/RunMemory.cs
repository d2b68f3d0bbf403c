using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.Finetuning;

/// <summary>The memory of a run, laid out before any of it is taken.</summary>
/// <param name="Plans">Every block that the run allocates, with its tensors.</param>
/// <param name="MappedBytes">Checkpoint pages that are mapped while the weights are read, and only then.</param>
/// <param name="HostBytes">Adapters on the host: the start and the result.</param>
/// <param name="RuntimeBytes">What the process held before: code, runtime, heap.</param>
public sealed record RunMemory(IReadOnlyList<MemoryPlan> Plans, long MappedBytes, long HostBytes, long RuntimeBytes)
{
    /// <summary>
    /// The most that is resident at once: the weights stay, and beside them there is first the mapped checkpoint, then everything
    /// else.
    /// </summary>
    public long PeakBytes
    {
        get
        {
            long weights = Plans.Where(p => p.Name == ModelLayout.PlanName).Sum(p => p.Bytes);
            long others = Plans.Sum(p => p.Bytes) - weights;
            return RuntimeBytes + weights + Math.Max(MappedBytes, others + HostBytes);
        }
    }

    /// <summary>The memory of fine-tuning one adapter on one model.</summary>
    /// <param name="backend">Where the run would go; nothing is allocated on it but a table of a few hundred bytes.</param>
    /// <param name="config">The model.</param>
    /// <param name="weightType">How its matrices are stored in memory.</param>
    /// <param name="checkpointBytes">The size of the checkpoint's files.</param>
    /// <param name="lora">The adapter.</param>
    /// <param name="rows">Token rows of a micro-batch: batch size times sequence length.</param>
    /// <param name="dropout">Whether there is dropout.</param>
    public static RunMemory OfTraining(
        Backend backend, ModelConfig config, DType weightType, long checkpointBytes, LoraOptions lora, int rows, bool dropout)
    {
        ArgumentNullException.ThrowIfNull(lora);
        var options = new PassOptions { MaxRows = rows, MaxHeadRows = rows, Backward = true, Dropout = dropout ? 0.1f : 0 };
        (IReadOnlyList<MemoryPlan> plans, long trained) = PlansOf(backend, config, weightType, lora, options);
        return new RunMemory(plans, checkpointBytes, 2 * sizeof(float) * trained, Environment.WorkingSet);
    }

    /// <summary>The blocks of fine-tuning one adapter, with the values that it trains: weights, trained values and optimiser state, the pass.</summary>
    internal static (IReadOnlyList<MemoryPlan> Plans, long Trained) PlansOf(
        Backend backend, ModelConfig config, DType weightType, LoraOptions lora, PassOptions options)
    {
        using var model = Transformer.Plan(backend, config, weightType);
        using var stack = AdapterStack.Plan(model, lora);
        using var pass = new TransformerPass(model, options, new StackUse(stack, weights: null, trains: true));
        return ([model.Weights.Layout.Plan, stack.Flat.Plan, .. pass.Plans], stack.ParameterCount);
    }
}
