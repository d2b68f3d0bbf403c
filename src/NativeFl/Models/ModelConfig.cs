using System.Text.Json.Nodes;

namespace NativeFl.Models;

/// <summary>What NativeFl needs to know of a Hugging Face config.json of the Llama family.</summary>
public sealed record ModelConfig
{
    /// <summary>llama, mistral, qwen2 or qwen3.</summary>
    public required string ModelType { get; init; }

    /// <summary>V.</summary>
    public required int VocabularySize { get; init; }

    /// <summary>C.</summary>
    public required int HiddenSize { get; init; }

    /// <summary>F.</summary>
    public required int IntermediateSize { get; init; }

    /// <summary>L.</summary>
    public required int LayerCount { get; init; }

    /// <summary>H.</summary>
    public required int Heads { get; init; }

    /// <summary>Hkv.</summary>
    public required int KvHeads { get; init; }

    /// <summary>D.</summary>
    public required int HeadWidth { get; init; }

    /// <summary>ε of every RMSNorm.</summary>
    public float NormEpsilon { get; init; } = 1e-6f;

    /// <summary>Base of the rotary frequencies.</summary>
    public double RopeTheta { get; init; } = 10000;

    /// <summary>Frequency scaling, or null.</summary>
    public RopeScaling? RopeScaling { get; init; }

    /// <summary>The longest sequence the model was made for.</summary>
    public int MaxPositions { get; init; } = 2048;

    /// <summary>Whether the head is the embedding table.</summary>
    public bool TieWordEmbeddings { get; init; }

    /// <summary>Sliding window, 0 = none.</summary>
    public int SlidingWindow { get; init; }

    /// <summary>The layers that use the window (all of them for Mistral); the others see everything.</summary>
    public Func<int, bool> UsesSlidingWindow { get; init; } = static _ => true;

    /// <summary>Bias on q, k and v.</summary>
    public bool HasQkvBias { get; init; }

    /// <summary>Bias on o.</summary>
    public bool HasOutputBias { get; init; }

    /// <summary>Bias on gate, up and down.</summary>
    public bool HasMlpBias { get; init; }

    /// <summary>RMSNorm on every query and key head (Qwen3).</summary>
    public bool HasQkNorm { get; init; }

    /// <summary>What the model goes without.</summary>
    public DroppedSublayers Dropped { get; init; } = DroppedSublayers.None;

    /// <summary>Beginning-of-text id, or null.</summary>
    public int? BosTokenId { get; init; }

    /// <summary>Ids that end generation.</summary>
    public IReadOnlyList<int> EosTokenIds { get; init; } = [];

    /// <summary>The whole file, so that what NativeFl does not know survives a round trip.</summary>
    public JsonObject Json { get; init; } = [];

    /// <summary>(out, in) of a projection.</summary>
    public (int Out, int In) ShapeOf(Projection projection) => projection switch
    {
        Projection.Query => (Heads * HeadWidth, HiddenSize),
        Projection.Key or Projection.Value => (KvHeads * HeadWidth, HiddenSize),
        Projection.Output => (HiddenSize, Heads * HeadWidth),
        Projection.Gate or Projection.Up => (IntermediateSize, HiddenSize),
        Projection.Down => (HiddenSize, IntermediateSize),
        _ => throw new ArgumentOutOfRangeException(nameof(projection)),
    };

    /// <summary>Whether a projection has a bias.</summary>
    public bool HasBias(Projection projection) => projection switch
    {
        Projection.Query or Projection.Key or Projection.Value => HasQkvBias,
        Projection.Output => HasOutputBias,
        _ => HasMlpBias,
    };

    /// <summary>Every sublayer that the model has, in order of execution.</summary>
    public IEnumerable<Sublayer> Sublayers() => Sublayer.All(LayerCount).Where(sublayer => !Dropped.Contains(sublayer));

    /// <summary>The same model without some more sublayers.</summary>
    public ModelConfig Without(DroppedSublayers sublayers)
    {
        ArgumentNullException.ThrowIfNull(sublayers);
        return sublayers.Count == 0 ? this : this with { Dropped = Dropped.With(sublayers.Sublayers) };
    }

    /// <summary>Every linear layer that the model has, in model order.</summary>
    public IEnumerable<ModuleId> Modules() => Sublayers().SelectMany(ModuleId.Of);

    /// <summary>The linear layers that one block has.</summary>
    internal IEnumerable<ModuleId> ModulesOf(int layer) =>
        new[] { new Sublayer(layer, SublayerKind.Attention), new Sublayer(layer, SublayerKind.Mlp) }.Where(s => !Dropped.Contains(s)).SelectMany(ModuleId.Of);
}
