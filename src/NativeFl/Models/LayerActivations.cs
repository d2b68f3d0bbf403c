using NativeFl.Tensors;

namespace NativeFl.Models;

/// <summary>
/// What one block leaves behind for its backward pass. Norm outputs and the SwiGLU product are computed again there: they are cheap,
/// and together they would be as large as everything that is kept.
/// </summary>
internal sealed class LayerActivations
{
    private readonly Slot _middle, _rstdInput, _rstdMiddle, _queryRaw, _keyRaw, _rstdQuery, _rstdKey;
    private readonly Slot _query, _key, _value, _attention, _lse, _gate, _up;
    private readonly Slot?[] _shrunk = new Slot?[ModuleId.ProjectionCount];
    private readonly bool _hasQkNorm;

    public LayerActivations(MemoryPlan plan, Transformer model, int layer, int rows, StackUse? trained)
    {
        var config = model.Config;
        var type = model.Backend.ActivationType;
        int heads = config.Heads * config.HeadWidth, kvHeads = config.KvHeads * config.HeadWidth;
        string p = $"layer {layer} ";
        _hasQkNorm = config.HasQkNorm;
        _middle = plan.Add(p + "residual after attention", new Shape(rows, config.HiddenSize), type);
        _rstdInput = plan.Add(p + "input norm 1/rms", new Shape(rows));
        _rstdMiddle = plan.Add(p + "mlp norm 1/rms", new Shape(rows));
        _query = plan.Add(p + "q", new Shape(rows, heads), type);
        _key = plan.Add(p + "k", new Shape(rows, kvHeads), type);
        _value = plan.Add(p + "v", new Shape(rows, kvHeads), type);
        if (_hasQkNorm)
        {
            _queryRaw = plan.Add(p + "q before its norm", new Shape(rows, heads), type);
            _keyRaw = plan.Add(p + "k before its norm", new Shape(rows, kvHeads), type);
            _rstdQuery = plan.Add(p + "q norm 1/rms", new Shape(rows, config.Heads));
            _rstdKey = plan.Add(p + "k norm 1/rms", new Shape(rows, config.KvHeads));
        }

        _attention = plan.Add(p + "attention", new Shape(rows, heads), type);
        _lse = plan.Add(p + "attention log-sum-exp", new Shape(rows, config.Heads));
        _gate = plan.Add(p + "gate", new Shape(rows, config.IntermediateSize), type);
        _up = plan.Add(p + "up", new Shape(rows, config.IntermediateSize), type);
        for (int i = 0; trained is not null && i < _shrunk.Length; i++)
        {
            var id = new ModuleId(layer, (Projection)i);
            if (trained.Stack[id] is { } module)
                _shrunk[i] = plan.Add(p + ModuleId.ShortName(id.Projection) + " A x", new Shape(rows, trained.Columns(module)));
        }
    }

    /// <summary>The views over <paramref name="rows"/> rows of this layer.</summary>
    public LayerViews Bind(Arena arena, int rows) => new()
    {
        Middle = arena[_middle].Slice(0, rows),
        RstdInput = arena[_rstdInput].Slice(0, rows),
        RstdMiddle = arena[_rstdMiddle].Slice(0, rows),
        Query = arena[_query].Slice(0, rows),
        Key = arena[_key].Slice(0, rows),
        Value = arena[_value].Slice(0, rows),
        QueryRaw = _hasQkNorm ? arena[_queryRaw].Slice(0, rows) : default,
        KeyRaw = _hasQkNorm ? arena[_keyRaw].Slice(0, rows) : default,
        RstdQuery = _hasQkNorm ? arena[_rstdQuery].Slice(0, rows) : default,
        RstdKey = _hasQkNorm ? arena[_rstdKey].Slice(0, rows) : default,
        Attention = arena[_attention].Slice(0, rows),
        Lse = arena[_lse].Slice(0, rows),
        Gate = arena[_gate].Slice(0, rows),
        Up = arena[_up].Slice(0, rows),
        Shrunk = [.. _shrunk.Select(s => s is { } slot ? arena[slot].Slice(0, rows) : default)],
    };
}

/// <summary>The tensors of <see cref="LayerActivations"/>, cut to a batch's rows.</summary>
internal sealed class LayerViews
{
    public required TensorView Middle { get; init; }      // (N, C)

    public required TensorView RstdInput { get; init; }   // (N)

    public required TensorView RstdMiddle { get; init; }  // (N)

    public required TensorView Query { get; init; }       // (N, H D), after norm and rotation

    public required TensorView Key { get; init; }         // (N, Hkv D)

    public required TensorView Value { get; init; }       // (N, Hkv D)

    public required TensorView QueryRaw { get; init; }    // (N, H D) or empty

    public required TensorView KeyRaw { get; init; }      // (N, Hkv D) or empty

    public required TensorView RstdQuery { get; init; }   // (N, H) or empty

    public required TensorView RstdKey { get; init; }     // (N, Hkv) or empty

    public required TensorView Attention { get; init; }   // (N, H D)

    public required TensorView Lse { get; init; }         // (N, H)

    public required TensorView Gate { get; init; }        // (N, F)

    public required TensorView Up { get; init; }          // (N, F)

    public required TensorView[] Shrunk { get; init; }    // by projection: S = A x (N, r) or empty
}
