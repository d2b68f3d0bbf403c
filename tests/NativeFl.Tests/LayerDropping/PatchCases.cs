using NativeFl.Data;
using NativeFl.LayerDropping;
using NativeFl.Models;
using NativeFl.Tensors;
using NativeFl.Tests.Finetuning;

namespace NativeFl.Tests.LayerDropping;

/// <summary>Models and data for patches, and the error of a stream measured apart from the regression.</summary>
internal static class PatchCases
{
    /// <summary>More tokens than any of the small models is wide.</summary>
    public static TokenizedExample[] Samples(Transformer model)
    {
        int vocabulary = model.Config.VocabularySize;
        return [.. TrainingCases.Examples(14, 9).Select(e => e with { InputIds = [.. e.InputIds.Select(id => id % vocabulary)], Labels = [.. e.Labels.Select(l => l < 0 ? l : l % vocabulary)] })];
    }

    /// <summary>√(Σ ‖x − z‖² / Σ ‖z‖²) behind a gap: x the stream of the patched model that goes without it, z that of the whole one.</summary>
    public static double Error(Transformer whole, Transformer patched, DroppedSublayers dropped, PatchedGap gap, IReadOnlyList<TokenizedExample> samples)
    {
        using Transformer view = patched.Without(dropped);
        float[] z = Behind(whole, gap.Dropped[^1], samples), x = Behind(view, gap.Into!.Value.Sublayer, samples);
        double difference = 0, norm = 0;
        for (int i = 0; i < z.Length; i++)
        {
            difference += ((double)x[i] - z[i]) * ((double)x[i] - z[i]);
            norm += (double)z[i] * z[i];
        }

        return Math.Sqrt(difference / norm);
    }

    /// <summary>
    /// A model in which the second attention layer is a linear map of what the first sublayer of its kind or the first MLP adds: one token a
    /// sample, an ε that makes the norms constant, embeddings in the lower half of the width, everything that matters in the upper one.
    /// </summary>
    public static Transformer WithLinearGap(Backend backend, SublayerKind carrier)
    {
        ModelConfig config = ModelConfigFile.Load(Fixtures.Path("models", "llama")) with { NormEpsilon = 1e8f };
        Transformer model = Transformer.Random(backend, config, DType.F32, 4);
        int half = config.HiddenSize / 2;
        void Change(string name, Func<int, int, float, float> change)
        {
            ModelParameter parameter = model.Weights.Layout.Find(name)!;
            int columns = Math.Max(parameter.Columns, 1);
            model.Weights.Write(parameter, [.. model.ReadTensor(name).Select((value, i) => change(i / columns, i % columns, value))]);
        }

        foreach (ModelParameter norm in model.Weights.Layout.Parameters.Where(p => p.Name.EndsWith("layernorm.weight", StringComparison.Ordinal)))
            Change(norm.Name, (_, _, _) => 1e5f);
        Change("model.embed_tokens.weight", (_, column, value) => column < half ? 5 * value : 0);
        string keeps = carrier == SublayerKind.Attention ? "self_attn.o_proj" : "mlp.down_proj", silent = carrier == SublayerKind.Attention ? "mlp.down_proj" : "self_attn.o_proj";
        Change($"model.layers.0.{keeps}.weight", (row, _, value) => row < half ? 0 : 50 * value);
        Change($"model.layers.0.{silent}.weight", (_, _, _) => 0);
        Change("model.layers.1.self_attn.v_proj.weight", (_, column, value) => column < half ? 0 : 10 * value);
        return model;
    }

    private static float[] Behind(Transformer model, Sublayer last, IReadOnlyList<TokenizedExample> samples)
    {
        var batch = new TokenBatch();
        foreach (TokenizedExample sample in samples) batch.AddSequence(sample.InputIds, default, sample.Starts, 1);
        using var pass = new TransformerPass(model, new PassOptions { MaxRows = batch.Rows, MaxHeadRows = 1 });
        pass.ForwardThrough(batch, pass.Sublayers.TakeWhile(s => s != last).Count() + 1);
        float[] stream = pass.Read(pass.StreamBefore(0)), added = pass.Read(pass.Output);
        return [.. stream.Zip(added, (x, y) => x + y)];
    }
}
