using System.Text.Json.Nodes;
using NativeFl.Cli.Flags;
using NativeFl.Federation;
using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.Cli.Verbs;

/// <summary>merge: a model with an adapter inside, as a complete checkpoint.</summary>
internal static class MergeVerb
{
    private static readonly Flag<string> Adapter = DataFlags.Adapter with { IsRequired = true };

    public static Verb Verb => new(
        "merge", "Merge a PEFT adapter into its base", [DataFlags.Model, Adapter, OutputFlags.SaveType, OutputFlags.Folder], Run);

    private static JsonObject Run(VerbRun run)
    {
        using OutputFolder output = OutputFolder.Create(run.Get(OutputFlags.Folder), run.Get(SharedFlags.Force));
        using ModelInput input = ModelInput.Open(run, run.Get(DataFlags.Model));
        AdapterFolderContent adapter = input.Adapter(run.Get(Adapter))!;

        // Summed in f32 and rounded once, in the file, whatever the base is stored as.
        using Transformer model = input.Load(DType.F32);
        double rounding = AdapterMerge.Into(model, adapter.Weights, input.SaveType);
        run.Cancellation.ThrowIfCancellationRequested();
        model.Save(output.WorkPath, input.SaveType, copyTokenizerFrom: input.Folder, input.Dropped);
        var result = new JsonObject { ["out"] = run.Get(OutputFlags.Folder), ["rounding"] = JsonOutput.Number(rounding) };
        RunRecord.Write(output.WorkPath, run, result);
        output.Commit();
        run.Print($"{run.Get(OutputFlags.Folder)}: merged, rounding {Figures.Scientific(rounding)}");
        return result;
    }
}
