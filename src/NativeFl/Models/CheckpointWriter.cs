using System.Numerics.Tensors;
using System.Text.Json.Nodes;
using NativeFl.Tensors;
using static System.FormattableString;

namespace NativeFl.Models;

/// <summary>Writes Hugging Face model folders, one tensor at a time: the model is never in memory as a whole.</summary>
public static class CheckpointWriter
{
    /// <summary>The size above which weights are split over several files.</summary>
    public const long ShardBytes = 5_000_000_000;

    private const int ChunkValues = 1 << 20;

    /// <summary>Where rounding to f16 gives infinity.</summary>
    private const float FirstBeyondF16 = 65520;

    private static readonly string[] TokenizerFiles =
    [
        "tokenizer.json", "tokenizer.model", "tokenizer_config.json", "special_tokens_map.json", "generation_config.json",
        "added_tokens.json", "vocab.json", "merges.txt",
    ];

    /// <summary>Writes config.json, the weights and, from another model folder, the tokenizer's files and the code that an auto_map names.</summary>
    /// <param name="folder">An existing folder.</param>
    /// <param name="config">The model; its JSON is kept and brought up to date.</param>
    /// <param name="storage">F32, BF16 or F16, for every tensor.</param>
    /// <param name="tensors">The weights in the order of the file.</param>
    /// <param name="copyTokenizerFrom">The folder to copy the tokenizer from, if any.</param>
    /// <exception cref="RunFailedException">The disk is full or the folder may not be written.</exception>
    /// <exception cref="InvalidInputException">A value is too large for F16.</exception>
    public static void Write(
        string folder, ModelConfig config, DType storage, IEnumerable<CheckpointTensor> tensors, string? copyTokenizerFrom) =>
        Write(folder, config, storage, tensors, copyTokenizerFrom, ShardBytes);

    internal static void Write(
        string folder, ModelConfig config, DType storage, IEnumerable<CheckpointTensor> tensors, string? copyTokenizerFrom, long shardBytes)
    {
        JsonObject json = ModelConfigFile.ToJson(config, storage);
        AtomicFile.Write(Path.Combine(folder, ModelConfigFile.FileName), stream => JsonFile.Write(json, stream));
        List<List<CheckpointTensor>> shards = Split(tensors, storage, shardBytes);
        JsonObject map = [];
        long total = 0;
        for (int i = 0; i < shards.Count; i++)
        {
            string file = shards.Count == 1 ? Checkpoint.SingleFile : Invariant($"model-{i + 1:00000}-of-{shards.Count:00000}.safetensors");
            WriteShard(Path.Combine(folder, file), shards[i], storage);
            foreach (CheckpointTensor tensor in shards[i])
            {
                map[tensor.Name] = file;
                total += Bytes(tensor, storage);
            }
        }

        if (shards.Count > 1)
        {
            JsonObject index = new() { ["metadata"] = new JsonObject { ["total_size"] = total }, ["weight_map"] = map };
            AtomicFile.Write(Path.Combine(folder, Checkpoint.IndexFile), stream => JsonFile.Write(index, stream));
        }

        if (copyTokenizerFrom is not null) CopyBeside(copyTokenizerFrom, folder, [.. TokenizerFiles, .. CodeFiles(config)]);
    }

    private static long Bytes(CheckpointTensor tensor, DType storage) => (long)tensor.Rows * tensor.RowLength * storage.Size();

    private static List<List<CheckpointTensor>> Split(IEnumerable<CheckpointTensor> tensors, DType storage, long shardBytes)
    {
        List<List<CheckpointTensor>> shards = [[]];
        long used = 0;
        foreach (CheckpointTensor tensor in tensors)
        {
            long bytes = Bytes(tensor, storage);
            if (used > 0 && used + bytes > shardBytes)
            {
                shards.Add([]);
                used = 0;
            }

            shards[^1].Add(tensor);
            used += bytes;
        }

        return shards;
    }

    private static void WriteShard(string path, List<CheckpointTensor> tensors, DType storage)
    {
        string type = storage switch
        {
            DType.F32 => "F32",
            DType.BF16 => "BF16",
            DType.F16 => "F16",
            _ => throw new ArgumentOutOfRangeException(nameof(storage)),
        };
        SafetensorsDeclaration[] declarations = [.. tensors.Select(tensor => new SafetensorsDeclaration(tensor.Name, type, tensor.Shape))];
        using SafetensorsWriter writer = SafetensorsWriter.Create(path, declarations, new Dictionary<string, string> { ["format"] = "pt" });
        float[] buffer = [];
        foreach (CheckpointTensor tensor in tensors)
        {
            int rows = Math.Clamp(ChunkValues / tensor.RowLength, 1, Math.Max(tensor.Rows, 1));
            if (buffer.Length < rows * tensor.RowLength) buffer = new float[rows * tensor.RowLength];
            for (int first = 0; first < tensor.Rows; first += rows)
            {
                int count = Math.Min(rows, tensor.Rows - first);
                tensor.Read(first, buffer, count);
                Span<float> values = buffer.AsSpan(0, count * tensor.RowLength);
                if (storage == DType.F16) RequireF16(tensor.Name, values);
                writer.Write(values);
            }
        }

        writer.Complete();
    }

    // f32 and bf16 reach 3e38; the largest f16 is 65504, and what is beyond would become infinite in silence.
    private static void RequireF16(string name, ReadOnlySpan<float> values)
    {
        float largest = MathF.Abs(TensorPrimitives.MaxMagnitude(values));
        if (largest >= FirstBeyondF16 && float.IsFinite(largest))
            throw new InvalidInputException("--save-dtype", Invariant($"bf16 or f32, for {name} holds a value of magnitude {largest}"), "f16, which ends at 65504");
    }

    /// <summary>The modules beside config.json that its auto_map names, "configuration_x.XConfig"; those of another repository have a "--".</summary>
    private static IEnumerable<string> CodeFiles(ModelConfig config) => (config.Json["auto_map"] as JsonObject ?? [])
        .Select(entry => entry.Value is JsonValue value && value.TryGetValue(out string? name) ? name : "")
        .Where(name => name.Contains('.', StringComparison.Ordinal) && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '.'))
        .Select(name => name[..name.LastIndexOf('.')] + ".py")
        .Distinct(StringComparer.Ordinal);

    private static void CopyBeside(string from, string to, IEnumerable<string> names)
    {
        try
        {
            IEnumerable<string> templates = Directory.EnumerateFiles(from, "chat_template.*").Select(file => Path.GetFileName(file));
            foreach (string name in names.Concat(templates))
            {
                string source = Path.Combine(from, name);
                if (!File.Exists(source)) continue;
                using FileStream stream = File.OpenRead(source);
                AtomicFile.Write(Path.Combine(to, name), stream.CopyTo);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RunFailedException($"{from}: the files beside the weights could not be copied: {e.Message}", e);
        }
    }
}
