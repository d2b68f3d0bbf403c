using NativeFl.Data;
using NativeFl.Federation;
using NativeFl.Finetuning;
using NativeFl.Models;

namespace NativeFl.Tests.Federation;

/// <summary>Clients that go without some sublayers of the fixture model, which has three blocks.</summary>
internal static class DepthCases
{
    public static DroppedSublayers Drops(string list) => new(list.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(item =>
        new Sublayer(item[1] - '0', item[0] == 'a' ? SublayerKind.Attention : SublayerKind.Mlp)));

    /// <summary>The three clients of <see cref="FederationCases.Clients"/>, each without what its list says: "a2 m0" is attention 2 and MLP 0.</summary>
    public static IReadOnlyList<ClientSpecification> Clients(int[] ranks, params string[] drops) =>
        [.. FederationCases.Clients(ranks).Select((client, k) => client with { Dropped = Drops(drops[k]) })];

    /// <summary>Factors on every linear layer that a client keeps.</summary>
    public static AdapterWeights Adapter(ModelConfig config, DroppedSublayers dropped, int seed, int rank, float scaling = 2) => Adapters.Of(
        [.. config.Without(dropped).Modules().Select(module =>
        {
            (int outFeatures, int inFeatures) = config.ShapeOf(module.Projection);
            return (module, Adapters.Factors((100 * seed) + module.Index, rank, outFeatures, inFeatures, scaling));
        })]);

    /// <summary>A client trained by hand on a model that may be the dropped one.</summary>
    public static AdapterWeights Train(
        Transformer model, ClientSpecification client, AdapterWeights initial, ulong seed, TokenizedExample[] examples, FederationOptions options,
        ITrainingObserver? observer = null) =>
        new AdapterTrainer(model).Train(
        [
            new ClientTask
            {
                Id = "alone",
                Seed = seed,
                Examples = [.. client.Examples.Select(i => examples[i])],
                Initial = initial,
                Options = options.Training,
            },
        ], observer: observer)[0].Adapter;

    /// <summary>W′ − W of a linear layer.</summary>
    public static double[,] Change(Transformer before, Transformer after, ModuleId module)
    {
        (int outFeatures, int inFeatures) = before.Config.ShapeOf(module.Projection);
        float[] x = before.ReadTensor(module.Name + ".weight"), y = after.ReadTensor(module.Name + ".weight");
        var change = new double[outFeatures, inFeatures];
        for (int i = 0; i < x.Length; i++) change[i / inFeatures, i % inFeatures] = (double)y[i] - x[i];
        return change;
    }
}
