using System.Text.Json.Nodes;
using NativeFl.Cli.Flags;
using NativeFl.Federation;
using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.Cli.Verbs;

/// <summary>aggregate: what a server does with adapters that clients trained anywhere.</summary>
internal static class AggregateVerb
{
    private static Flag<IReadOnlyList<string>> Adapters { get; } = new(
        "--adapters", FlagTypes.Folders, [], "the clients' PEFT folders")
    { IsRequired = true };

    private static Flag<IReadOnlyList<double>> Weights { get; } = new(
        "--weights", FlagTypes.Numbers("finite and not negative", v => v >= 0), [], "one weight an adapter, such as its number of examples [equal]");

    private static Flag<bool> Merge { get; } = new("--merge", FlagTypes.Switch, false, "write the merged model instead of one PEFT folder");

    public static Verb Verb => new(
        "aggregate",
        "Aggregate PEFT adapters of several clients",
        [DataFlags.Model, Adapters, Weights, FederationFlags.AggregationMethod, FederationFlags.Energy, FederationFlags.Renormalize, Merge, OutputFlags.SaveType, OutputFlags.Folder],
        Run);

    private static JsonObject Run(VerbRun run)
    {
        using OutputFolder output = OutputFolder.Create(run.Get(OutputFlags.Folder), run.Get(SharedFlags.Force));
        IAggregationMethod method = FederationFlags.WithEnergy(run, FederationMethods.FindAggregation(run.Get(FederationFlags.AggregationMethod)));
        using ModelInput input = ModelInput.Open(run, run.Get(DataFlags.Model));
        AdapterWeights[] adapters = [.. run.Get(Adapters).Select(folder => input.Adapter(folder)!.Weights)];
        IReadOnlyList<double> weights = run.Get(Weights);
        if (weights.Count == 0) weights = [.. adapters.Select(_ => 1.0)];
        var aggregation = new AdapterAggregation(method, adapters, weights, FederationFlags.RenormalizationOf(run));

        double exactness = aggregation.Exactness(run.Backend);
        double rounding = run.Get(Merge) ? SaveMerged(run, input, aggregation, output) : SaveAdapter(input, aggregation, output);
        var result = new JsonObject
        {
            ["out"] = run.Get(OutputFlags.Folder),
            ["method"] = method.Name,
            ["clients"] = adapters.Length,
            ["exactness"] = JsonOutput.Number(exactness),
            ["rounding"] = JsonOutput.Number(rounding),
        };
        RunRecord.Write(output.WorkPath, run, result);
        output.Commit();
        run.Print($"{run.Get(OutputFlags.Folder)}: {method.Name} of {adapters.Length} adapters, exactness {Figures.Scientific(exactness)}, rounding {Figures.Scientific(rounding)}");
        return result;
    }

    private static double SaveMerged(VerbRun run, ModelInput input, AdapterAggregation aggregation, OutputFolder output)
    {
        // Summed in f32 and rounded once, in the file, whatever the base is stored as.
        using Transformer model = input.Load(DType.F32);
        double rounding = aggregation.MergeInto(model, input.SaveType);
        run.Cancellation.ThrowIfCancellationRequested();
        model.Save(output.WorkPath, input.SaveType, copyTokenizerFrom: input.Folder, input.Dropped);
        return rounding;
    }

    // An adapter is stored in f32, in which it was made: its rounding is exactly 0.
    private static double SaveAdapter(ModelInput input, AdapterAggregation aggregation, OutputFolder output)
    {
        var settings = new AdapterSettings { BaseModel = input.Folder, LayerCount = input.Config.LayerCount };
        AdapterFolder.Save(output.WorkPath, aggregation.Product, settings);
        return 0;
    }
}
