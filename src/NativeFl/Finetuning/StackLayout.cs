using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.Finetuning;

/// <summary>Where every adapter's rows go: worked out, and checked against the model's shapes, before anything is allocated.</summary>
internal sealed class StackLayout
{
    private readonly ModelConfig _config;
    private readonly Dictionary<ModuleId, StackSegment[]> _segments = [];

    /// <param name="config">The model.</param>
    /// <param name="count">Adapters.</param>
    /// <param name="ranks">Module, adapter, and that adapter's rank and scaling there.</param>
    public StackLayout(ModelConfig config, int count, IEnumerable<(ModuleId Id, int Adapter, StackSegment Segment)> ranks)
    {
        _config = config;
        foreach (var (id, adapter, segment) in ranks.Where(r => r.Segment.Rank > 0))
        {
            if (!_segments.TryGetValue(id, out var segments)) _segments.Add(id, segments = new StackSegment[count]);
            segments[adapter] = segment;
        }

        foreach (var segments in _segments.Values)
        {
            int start = 0;
            for (int k = 0; k < segments.Length; k++)
            {
                segments[k] = segments[k] with { Start = start };
                start += segments[k].Rank;
            }
        }

        ParameterCount = _segments.Sum(s => RankOf(s.Value) * Width(s.Key));
    }

    /// <summary>Σ_modules R (in + out).</summary>
    public long ParameterCount { get; }

    /// <summary>The modules by <see cref="ModuleId.Index"/>; null where no adapter reaches.</summary>
    public StackModule?[] Modules(FlatParameters flat)
    {
        var modules = new StackModule?[_config.LayerCount * ModuleId.ProjectionCount];
        long offset = 0;
        foreach (var (id, segments) in _segments.OrderBy(s => s.Key))
        {
            var (outFeatures, inFeatures) = _config.ShapeOf(id.Projection);
            modules[id.Index] = new StackModule(id, segments, offset, outFeatures, inFeatures, flat);
            offset += RankOf(segments) * Width(id);
        }

        return modules;
    }

    /// <summary>The layout of given adapters, each checked against the model.</summary>
    public static StackLayout Of(Transformer model, IReadOnlyList<AdapterWeights?> adapters)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(adapters);
        var ranks = new List<(ModuleId, int, StackSegment)>();
        for (int k = 0; k < adapters.Count; k++)
        {
            foreach (var (id, factors) in adapters[k]?.Modules ?? new Dictionary<ModuleId, LoraFactors>())
            {
                Check(model.Config, id, factors);
                ranks.Add((id, k, new StackSegment(0, factors.Rank, factors.Scaling)));
            }
        }

        return new StackLayout(model.Config, adapters.Count, ranks);
    }

    private static long RankOf(StackSegment[] segments) => segments.Sum(s => (long)s.Rank);

    private long Width(ModuleId id)
    {
        var (outFeatures, inFeatures) = _config.ShapeOf(id.Projection);
        return outFeatures + inFeatures;
    }

    private static void Check(ModelConfig config, ModuleId id, LoraFactors factors)
    {
        if (id.Layer >= config.LayerCount)
            throw new InvalidInputException($"adapter module {id}", $"a layer below {config.LayerCount}", $"layer {id.Layer}");
        if (config.Dropped.Contains(id.Sublayer))
            throw new InvalidInputException($"adapter module {id}", "a sublayer that the model has", $"{id.Sublayer}, which is dropped");
        var (outFeatures, inFeatures) = config.ShapeOf(id.Projection);
        if (factors.OutFeatures != outFeatures || factors.InFeatures != inFeatures)
        {
            throw new InvalidInputException(
                $"adapter module {id}", $"a base of (out, in) = ({outFeatures}, {inFeatures})", $"({factors.OutFeatures}, {factors.InFeatures})");
        }

        if (factors.A.LongLength != (long)factors.Rank * inFeatures || factors.B.LongLength != (long)factors.Rank * outFeatures)
            throw new InvalidInputException($"adapter module {id}", $"factors of rank {factors.Rank}", $"{factors.A.Length} and {factors.B.Length} values");
    }
}
