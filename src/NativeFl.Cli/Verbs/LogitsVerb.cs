using System.Text.Json.Nodes;
using NativeFl.Cli.Flags;
using NativeFl.Finetuning;
using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.Cli.Verbs;

/// <summary>logits: what the model says at every position of given token ids.</summary>
internal static class LogitsVerb
{
    private static Flag<string> Ids { get; } = new(
        "--ids", FlagTypes.File, "", "{\"input_ids\":[[…]],\"attention_mask\":[[…]]}, the mask optional")
    { IsRequired = true };

    public static Verb Verb => new(
        "logits", "Write the logits of given token ids as safetensors", [DataFlags.Model, DataFlags.Adapter, Ids, OutputFlags.File], Run);

    private static JsonObject Run(VerbRun run)
    {
        string path = OutputFile.Claim(run);
        using ModelInput input = ModelInput.Open(run, run.Get(DataFlags.Model));
        AdapterFolderContent? adapter = input.Adapter(run.Get(DataFlags.Adapter));
        TokenIdsFile ids = TokenIdsFile.Read(run.Get(Ids), input.Config.VocabularySize);
        int length = ids.Rows[0].Length, vocabulary = input.Config.VocabularySize;
        for (int row = 1; row < ids.Rows.Count; row++)
        {
            if (ids.Rows[row].Length != length)
                throw new InvalidInputException($"{ids.Path}: $.input_ids[{row}]", $"{length} ids, as the first row has", $"{ids.Rows[row].Length}");
        }

        int longest = ids.Kept.Max(kept => kept.Count), limit = input.Config.MaxPositions;
        if (longest > limit) throw new InvalidInputException(ids.Path, $"at most {limit} ids a row, the model's positions", $"{longest}");
        if ((long)length * vocabulary > Array.MaxLength)
            throw new InvalidInputException(ids.Path, $"at most {Array.MaxLength / vocabulary} ids a row", $"{length}");

        using Transformer model = input.Load();
        using AdapterStack? stack = adapter is null ? null : new AdapterStack(model, [adapter.Weights], trainable: false);
        using var scorer = new TokenScorer(model, stack);
        OutputFile.MakeParent(path);
        using SafetensorsWriter writer = SafetensorsWriter.Create(
            path, [new SafetensorsDeclaration("logits", "F32", [ids.Rows.Count, length, vocabulary])]);
        var logits = new float[length * vocabulary];
        for (int row = 0; row < ids.Rows.Count; row++)
        {
            run.Cancellation.ThrowIfCancellationRequested();

            // Padding has no logits: zeros stand there.
            (int first, int count) = ids.Kept[row];
            Array.Clear(logits);
            scorer.Logits(ids.Sequence(row), logits.AsMemory(first * vocabulary, count * vocabulary));
            writer.Write(logits);
        }

        writer.Complete();
        run.Print($"{path}: logits ({ids.Rows.Count}, {length}, {vocabulary})");
        return new JsonObject
        {
            ["out"] = path,
            ["shape"] = JsonOutput.Integers([ids.Rows.Count, length, vocabulary]),
            ["tokens"] = ids.Kept.Sum(k => k.Count),
        };
    }
}
