using System.Text.Json;
using System.Text.Json.Nodes;
using NativeFl.Cli.Flags;
using NativeFl.LayerDropping;
using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.Cli;

/// <summary>
/// Which run it is: its verb, every flag that its numbers depend on, and hashes of what it reads. It lies in the checkpoint, so that
/// --resume goes on with that run and no other.
/// </summary>
internal sealed class RunIdentity
{
    private const string FileName = "identity.json", VerbMember = "verb";

    // What is read counts by its content: it may have moved.
    private static readonly Flag<string>[] Read =
        [DataFlags.Model, DataFlags.OptionalModel, PretrainSource.ConfigFile, TrainingFlags.InitialAdapter, DepthFlags.ClientDrops, DepthFlags.DropOrder];

    // Where to compute and to write, what to print, when to save and to measure: none of it changes the result. What --tokenizer and a
    // partition.json do is in the data.
    private static IFlag[] Free =>
    [
        .. Read, DataFlags.Data, PretrainSource.TokenizerFolder, PartitionFlags.Partition, EvaluationFlags.EvalData, EvaluationFlags.EvalEvery, ClientValueFlags.Data,
        TrainingFlags.Resume, TrainingFlags.SaveEvery, OutputFlags.Folder, SharedFlags.Device, SharedFlags.CudaLibraries, SharedFlags.Json,
        SharedFlags.Quiet, SharedFlags.Recipe, SharedFlags.Force,
    ];

    private readonly Dictionary<string, string> _members = [];

    /// <param name="run">The verb and its flags.</param>
    /// <param name="weightType">How the weights are held while running.</param>
    /// <param name="data">The hash of the sequences to train on.</param>
    /// <param name="plan">What --memory-budget came to, or null.</param>
    public RunIdentity(VerbRun run, DType weightType, string data, string? plan = null)
    {
        _members.Add(VerbMember, run.Verb.Name);
        IFlag[] free = Free;
        foreach (IFlag flag in run.Flags.Flags.Where(f => !free.Contains(f))) _members.Add(flag.Name, Text(flag.ToJson(run.Flags)));
        _members[SharedFlags.Type.Name] = weightType.ToString().ToLowerInvariant();
        foreach (Flag<string> flag in run.Flags.Flags.OfType<Flag<string>>().Where(Read.Contains))
            _members.Add(flag.Name, run.Get(flag) is { Length: > 0 } path ? InputHash.Of(flag == DepthFlags.DropOrder ? DropOrderFile.Find(path) : path) : Text(null));
        _members.Add(DataFlags.Data.Name, data);
        if (plan is not null) _members[DepthFlags.MemoryBudget.Name] += $" as planned ({plan})";
    }

    /// <summary>Writes it into a folder of checkpoints, which is made.</summary>
    public void Save(string folder)
    {
        var json = new JsonObject(_members.Select(m => KeyValuePair.Create(m.Key, (JsonNode?)m.Value)));
        Directory.CreateDirectory(folder);
        AtomicFile.WriteText(Path.Combine(folder, FileName), JsonOutput.Write(json, indented: true) + "\n");
    }

    /// <summary>Refuses to go on with another run than the one that a folder of checkpoints is of, and names the first flag that differs.</summary>
    /// <exception cref="InvalidInputException">It is another one, or it does not say which.</exception>
    public void RequireIn(string folder, FlagValues flags)
    {
        string path = Path.Combine(folder, FileName);
        if (!File.Exists(path)) throw new InvalidInputException(path, "which run it is that --resume goes on with", "no such file");
        using JsonDocument document = JsonInput.Read(path);
        if (document.RootElement.ValueKind != JsonValueKind.Object) throw new InvalidInputException(path, "a JSON object", "another JSON value");
        foreach ((string name, string here) in _members)
        {
            string there = document.RootElement.TryGetProperty(name, out JsonElement saved) ? saved.ToString() : Text(null);
            if (there != here) throw Another(name, there, here, folder, flags);
        }
    }

    private static InvalidInputException Another(string name, string there, string here, string folder, FlagValues flags)
    {
        string source = name == VerbMember ? "nativefl" : flags.Find(name)?.Source ?? name;
        return name == DataFlags.Data.Name || Read.Any(flag => flag.Name == name)
            ? new InvalidInputException(source, $"what the run in {folder} began with ({there})", $"other content ({here})")
            : new InvalidInputException(source, $"{there}, with which the run in {folder} began", here);
    }

    private static string Text(JsonNode? value) => value switch
    {
        null => "nothing",
        JsonArray array => string.Join(',', array.Select(Text)),
        JsonValue text when text.TryGetValue(out string? characters) => characters,
        _ => value.ToJsonString(),
    };
}
