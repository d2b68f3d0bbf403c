namespace NativeFl.Models;

/// <summary>One linear layer of the model: block index and projection.</summary>
/// <param name="Layer">The block, from 0.</param>
/// <param name="Projection">Which of its seven layers.</param>
public readonly record struct ModuleId(int Layer, Projection Projection) : IComparable<ModuleId>
{
    /// <summary>How many projections a block has.</summary>
    public const int ProjectionCount = 7;

    private static readonly string[] Names =
        ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj", "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"];

    /// <summary>A dense index: layer · 7 + projection.</summary>
    public int Index => (Layer * ProjectionCount) + (int)Projection;

    /// <summary>The half of the block that it is part of.</summary>
    public Sublayer Sublayer => new(Layer, Projection <= Projection.Output ? SublayerKind.Attention : SublayerKind.Mlp);

    /// <summary>Hugging Face's name without ".weight", such as "model.layers.3.self_attn.q_proj".</summary>
    public string Name => $"model.layers.{Layer}.{Names[(int)Projection]}";

    /// <summary>The last part of the name, such as "q_proj": what PEFT's target_modules lists.</summary>
    public static string ShortName(Projection projection) => Names[(int)projection][(Names[(int)projection].IndexOf('.', StringComparison.Ordinal) + 1)..];

    /// <summary>The linear layers of a sublayer.</summary>
    public static IEnumerable<ModuleId> Of(Sublayer sublayer)
    {
        var (first, last) = sublayer.Kind == SublayerKind.Attention ? (Projection.Query, Projection.Output) : (Projection.Gate, Projection.Down);
        for (Projection projection = first; projection <= last; projection++) yield return new ModuleId(sublayer.Layer, projection);
    }

    /// <summary>Reads a name as <see cref="Name"/> writes it.</summary>
    public static bool TryParse(ReadOnlySpan<char> name, out ModuleId module)
    {
        module = default;
        const string Prefix = "model.layers.";
        if (!name.StartsWith(Prefix, StringComparison.Ordinal)) return false;
        name = name[Prefix.Length..];
        int dot = name.IndexOf('.');
        if (dot <= 0 || !int.TryParse(name[..dot], System.Globalization.NumberStyles.None, null, out int layer)) return false;
        int projection = Array.IndexOf(Names, name[(dot + 1)..].ToString());
        if (projection < 0) return false;
        module = new ModuleId(layer, (Projection)projection);
        return true;
    }

    /// <inheritdoc/>
    public int CompareTo(ModuleId other) => Index.CompareTo(other.Index);

    /// <inheritdoc/>
    public override string ToString() => Name;

    /// <summary>Order by layer, then projection.</summary>
    public static bool operator <(ModuleId left, ModuleId right) => left.CompareTo(right) < 0;

    /// <summary>Order by layer, then projection.</summary>
    public static bool operator >(ModuleId left, ModuleId right) => left.CompareTo(right) > 0;

    /// <summary>Order by layer, then projection.</summary>
    public static bool operator <=(ModuleId left, ModuleId right) => left.CompareTo(right) <= 0;

    /// <summary>Order by layer, then projection.</summary>
    public static bool operator >=(ModuleId left, ModuleId right) => left.CompareTo(right) >= 0;
}
