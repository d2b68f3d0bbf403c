using System.Text.Json.Nodes;
using NativeFl.Tensors;

namespace NativeFl.Models;

/// <summary>
/// LoRA adapters as PEFT keeps them: a folder with adapter_config.json and adapter_model.safetensors, whose tensors are
/// base_model.model.MODULE.lora_A.weight (r, in) and .lora_B.weight (out, r).
/// </summary>
public static class AdapterFolder
{
    /// <summary>The factors' file.</summary>
    public const string WeightsFile = "adapter_model.safetensors";

    private const string Prefix = "base_model.model.", SuffixA = ".lora_A.weight", SuffixB = ".lora_B.weight";

    /// <summary>Reads an adapter and checks that it fits a model. Variants that are not W + s·B·A are refused by name.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="config">The model it is for.</param>
    /// <exception cref="InvalidInputException">A file is missing, broken, of another variant or for another model.</exception>
    public static AdapterFolderContent Load(string folder, ModelConfig config)
    {
        if (!Directory.Exists(folder))
            throw new InvalidInputException(
                folder, $"a folder with {AdapterConfig.FileName}", File.Exists(folder) ? "a file" : "no such folder");
        string path = Path.Combine(folder, AdapterConfig.FileName);
        AdapterConfig adapter = new(JsonFile.Read(path), path, config);
        string weights = Path.Combine(folder, WeightsFile);
        if (!File.Exists(weights) && File.Exists(Path.Combine(folder, "adapter_model.bin")))
            throw new InvalidInputException(folder, WeightsFile, "a pickled adapter_model.bin, which is not read");
        using SafetensorsFile file = SafetensorsFile.Open(weights);
        CheckNames(file, adapter, config);

        SortedDictionary<ModuleId, LoraFactors> modules = [];
        foreach (ModuleId module in config.Modules())
        {
            if (adapter.Covers(module)) modules.Add(module, ReadFactors(file, module, adapter, config));
        }

        if (modules.Count == 0 && adapter.Targets.Names is not { Count: 0 })
            throw new InvalidInputException(
                $"{path}: target_modules", "at least one layer of the model", JsonFile.Quote(adapter.Targets.ToString()));
        return new AdapterFolderContent(new AdapterWeights(modules), adapter.Settings, adapter.Targets);
    }

    /// <summary>
    /// Writes an adapter in f32, so that PEFT and <see cref="Load"/> give the same factors and scalings back: per-module ranks and
    /// scalings become rank_pattern and alpha_pattern, and exactly the modules that are there become target_modules.
    /// </summary>
    /// <param name="folder">The folder; it is made if it is missing.</param>
    /// <param name="adapter">The factors.</param>
    /// <param name="settings">What else the configuration is to say.</param>
    /// <exception cref="RunFailedException">The disk is full or the folder may not be written.</exception>
    public static void Save(string folder, AdapterWeights adapter, AdapterSettings settings)
    {
        KeyValuePair<ModuleId, LoraFactors>[] modules = [.. adapter.Modules.Where(m => m.Value.Rank > 0).OrderBy(m => m.Key)];
        JsonObject json = AdapterConfigJson.Make(modules, settings);
        List<SafetensorsDeclaration> tensors = [];
        foreach ((ModuleId module, LoraFactors f) in modules)
        {
            tensors.Add(new SafetensorsDeclaration(Prefix + module.Name + SuffixA, "F32", [f.Rank, f.InFeatures]));
            tensors.Add(new SafetensorsDeclaration(Prefix + module.Name + SuffixB, "F32", [f.OutFeatures, f.Rank]));
        }

        try
        {
            Directory.CreateDirectory(folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RunFailedException($"{folder}: could not be made: {e.Message}", e);
        }

        using SafetensorsWriter writer = SafetensorsWriter.Create(
            Path.Combine(folder, WeightsFile), tensors, new Dictionary<string, string> { ["format"] = "pt" });
        foreach ((_, LoraFactors f) in modules)
        {
            writer.Write(f.A);
            writer.Write(Transpose(f.B, f.Rank, f.OutFeatures));
        }

        writer.Complete();
        AtomicFile.Write(Path.Combine(folder, AdapterConfig.FileName), stream => JsonFile.Write(json, stream));
    }

    private static void CheckNames(SafetensorsFile file, AdapterConfig adapter, ModelConfig config)
    {
        foreach (string name in file.Entries.Keys)
        {
            string where = $"{file.Path}: {JsonFile.Quote(name)}";
            string suffix = name.EndsWith(SuffixB, StringComparison.Ordinal) ? SuffixB : SuffixA;
            bool isFactor = name.StartsWith(Prefix, StringComparison.Ordinal) && name.EndsWith(suffix, StringComparison.Ordinal)
                && name.Length > Prefix.Length + suffix.Length;
            if (!isFactor)
                throw new InvalidInputException(where, $"only {Prefix}MODULE{SuffixA} and {SuffixB}", Variant(name));
            string module = name[Prefix.Length..^suffix.Length];
            if (!ModuleId.TryParse(module, out ModuleId id) || id.Name != module)
                throw new InvalidInputException(where, "an adapter on a linear layer of a block", JsonFile.Quote(module));
            if (id.Layer >= config.LayerCount)
                throw new InvalidInputException(
                    where, FormattableString.Invariant($"a layer below {config.LayerCount}, the model's depth"),
                    FormattableString.Invariant($"layer {id.Layer}"));
            if (!adapter.Covers(id))
                throw new InvalidInputException(where, $"only modules that {AdapterConfig.FileName} targets", "another");
        }
    }

    private static string Variant(string name) =>
        name.Contains(".lora_magnitude_vector", StringComparison.Ordinal) ? "a DoRA magnitude"
        : name.Contains(".lora_embedding_", StringComparison.Ordinal) ? "an adapter on an embedding"
        : name.Contains(".lora_", StringComparison.Ordinal) ? "another part of an adapter"
        : "a tensor that is no LoRA factor";

    private static LoraFactors ReadFactors(SafetensorsFile file, ModuleId module, AdapterConfig adapter, ModelConfig config)
    {
        int rank = adapter.RankOf(module);
        (int rows, int columns) = config.ShapeOf(module.Projection);
        float[] a = ReadFactor(file, Prefix + module.Name + SuffixA, rank, columns);
        float[] b = ReadFactor(file, Prefix + module.Name + SuffixB, rows, rank);
        return new LoraFactors(rank, rows, columns, adapter.ScalingOf(module), a, Transpose(b, rows, rank));
    }

    private static float[] Transpose(float[] matrix, int rows, int columns)
    {
        float[] result = new float[matrix.Length];
        for (int row = 0; row < rows; row++)
        {
            for (int column = 0; column < columns; column++) result[(column * rows) + row] = matrix[(row * columns) + column];
        }

        return result;
    }

    private static float[] ReadFactor(SafetensorsFile file, string name, int rows, int columns)
    {
        SafetensorsEntry entry = file.Entry(name);
        long[] shape = [rows, columns];
        string where = $"{file.Path}: {name}";
        if (!entry.Shape.AsSpan().SequenceEqual(shape))
        {
            throw new InvalidInputException(
                where, $"shape {SafetensorsHeader.Format(shape)}, from the model and {AdapterConfig.FileName}",
                SafetensorsHeader.Format(entry.Shape));
        }

        if (entry.Count > Array.MaxLength)
            throw new InvalidInputException(where, "fewer than 2^31 values", SafetensorsHeader.Format(shape));
        float[] values = new float[entry.Count];
        file.Read(name, 0, values);
        int bad = Array.FindIndex(values, value => !float.IsFinite(value));
        if (bad >= 0)
            throw new InvalidInputException(
                where, "finite values", FormattableString.Invariant($"{values[bad]} at row {bad / columns}, column {bad % columns}"));
        return values;
    }
}
