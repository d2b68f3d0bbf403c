using NativeFl.Tensors;

namespace NativeFl.Models;

/// <summary>What an MLP sublayer leaves behind for its backward pass; the norm's output and the SwiGLU product are computed again there.</summary>
internal sealed class MlpActivations
{
    private readonly Slot _rstd, _gate, _up;
    private readonly ShrunkActivations _shrunk;

    public MlpActivations(MemoryPlan plan, Transformer model, int layer, int rows, StackUse? trained)
    {
        var type = model.Backend.ActivationType;
        string p = $"layer {layer} ";
        _rstd = plan.Add(p + "mlp norm 1/rms", new Shape(rows));
        _gate = plan.Add(p + "gate", new Shape(rows, model.Config.IntermediateSize), type);
        _up = plan.Add(p + "up", new Shape(rows, model.Config.IntermediateSize), type);
        _shrunk = new ShrunkActivations(plan, new Sublayer(layer, SublayerKind.Mlp), rows, trained);
    }

    /// <summary>The views over <paramref name="rows"/> rows.</summary>
    public MlpViews Bind(Arena arena, int rows) => new()
    {
        Rstd = arena[_rstd].Slice(0, rows),
        Gate = arena[_gate].Slice(0, rows),
        Up = arena[_up].Slice(0, rows),
        Shrunk = _shrunk.Bind(arena, rows),
    };
}

/// <summary>The tensors of <see cref="MlpActivations"/>, cut to a batch's rows.</summary>
internal sealed class MlpViews
{
    public required TensorView Rstd { get; init; }        // (N) of the norm before it

    public required TensorView Gate { get; init; }        // (N, F)

    public required TensorView Up { get; init; }          // (N, F)

    public required TensorView[] Shrunk { get; init; }    // by projection: S = A x (N, r) or empty
}
