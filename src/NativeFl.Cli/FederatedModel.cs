using NativeFl.Federation;
using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.Cli;

/// <summary>The model of a federation that is done, as a complete checkpoint: base and adapters, summed in f32 and rounded once, in the file.</summary>
internal static class FederatedModel
{
    /// <summary>
    /// Writes the checkpoint. A base that ran in bf16 was left as its files have it and is read from them again, in f32, after its memory has
    /// been given back; only where files and checkpoint are both bf16 is there nothing to gain.
    /// </summary>
    /// <param name="run">The run.</param>
    /// <param name="input">The base's files.</param>
    /// <param name="server">Base and adapters; afterwards merged, or without its base.</param>
    /// <param name="target">The folder to write, or to replace.</param>
    /// <returns>The rounding, see <see cref="AdapterMerge"/>.</returns>
    public static double Save(VerbRun run, ModelInput input, ServerModel server, string target)
    {
        bool isWhole = server.Base.Weights.Type == DType.F32 || (input.StorageType == DType.BF16 && input.SaveType == DType.BF16);
        if (!isWhole) server.Base.Dispose();
        using Transformer? again = isWhole ? null : Transformer.Load(run.Backend, input.Folder, DType.F32);
        ServerModel whole = server with { Base = again ?? server.Base };
        double rounding = whole.Merge(input.SaveType);
        using OutputFolder output = OutputFolder.Create(target, force: true);
        whole.Base.Save(output.WorkPath, input.SaveType, copyTokenizerFrom: input.Folder, input.Dropped);
        output.Commit();
        return rounding;
    }
}
