using NativeFl.Tensors;

namespace NativeFl.Models;

/// <summary>
/// What an attention sublayer leaves behind for its backward pass. The norm's output is computed again there: it is cheap, and all of them
/// together would be as large as the residual streams.
/// </summary>
internal sealed class AttentionActivations
{
    private readonly Slot _rstd, _queryRaw, _keyRaw, _rstdQuery, _rstdKey, _query, _key, _value, _attention, _lse;
    private readonly ShrunkActivations _shrunk;
    private readonly bool _hasQkNorm;

    public AttentionActivations(MemoryPlan plan, Transformer model, int layer, int rows, StackUse? trained)
    {
        var config = model.Config;
        var type = model.Backend.ActivationType;
        int heads = config.Heads * config.HeadWidth, kvHeads = config.KvHeads * config.HeadWidth;
        string p = $"layer {layer} ";
        _hasQkNorm = config.HasQkNorm;
        _rstd = plan.Add(p + "input norm 1/rms", new Shape(rows));
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
        _shrunk = new ShrunkActivations(plan, new Sublayer(layer, SublayerKind.Attention), rows, trained);
    }

    /// <summary>The views over <paramref name="rows"/> rows.</summary>
    public AttentionViews Bind(Arena arena, int rows) => new()
    {
        Rstd = arena[_rstd].Slice(0, rows),
        Query = arena[_query].Slice(0, rows),
        Key = arena[_key].Slice(0, rows),
        Value = arena[_value].Slice(0, rows),
        QueryRaw = _hasQkNorm ? arena[_queryRaw].Slice(0, rows) : default,
        KeyRaw = _hasQkNorm ? arena[_keyRaw].Slice(0, rows) : default,
        RstdQuery = _hasQkNorm ? arena[_rstdQuery].Slice(0, rows) : default,
        RstdKey = _hasQkNorm ? arena[_rstdKey].Slice(0, rows) : default,
        Attention = arena[_attention].Slice(0, rows),
        Lse = arena[_lse].Slice(0, rows),
        Shrunk = _shrunk.Bind(arena, rows),
    };
}

/// <summary>The tensors of <see cref="AttentionActivations"/>, cut to a batch's rows.</summary>
internal sealed class AttentionViews
{
    public required TensorView Rstd { get; init; }        // (N) of the norm before it

    public required TensorView Query { get; init; }       // (N, H D), after norm and rotation

    public required TensorView Key { get; init; }         // (N, Hkv D)

    public required TensorView Value { get; init; }       // (N, Hkv D)

    public required TensorView QueryRaw { get; init; }    // (N, H D) or empty

    public required TensorView KeyRaw { get; init; }      // (N, Hkv D) or empty

    public required TensorView RstdQuery { get; init; }   // (N, H) or empty

    public required TensorView RstdKey { get; init; }     // (N, Hkv) or empty

    public required TensorView Attention { get; init; }   // (N, H D)

    public required TensorView Lse { get; init; }         // (N, H)

    public required TensorView[] Shrunk { get; init; }    // by projection: S = A x (N, r) or empty
}
