using System.Text.Json;
using System.Text.Json.Serialization;
using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.Finetuning;

/// <summary>
/// A training run's state in one file: values, both moments, and where each client stands. Written to a temporary file, flushed and
/// renamed, so that it is always whole; a run restored from it goes on to the same bits.
/// </summary>
/// <param name="path">The file.</param>
/// <param name="every">Steps between checkpoints.</param>
/// <param name="start">What the run starts from, in words; asked for when the file is written or read.</param>
internal sealed class TrainingCheckpoint(string path, int every, Func<string> start)
{
    private const string StateKey = "nativefl.training";

    private readonly Lazy<string> _start = new(start);

    /// <summary>Steps between checkpoints.</summary>
    public int Every => every;

    /// <summary>Writes the file.</summary>
    /// <param name="clients">Where they stand.</param>
    /// <param name="trained">Their values and moments.</param>
    /// <param name="backend">Where those are.</param>
    /// <param name="annex">What else the run cannot go on without; null: nothing.</param>
    public void Save(TrainingClient[] clients, TrainedValues trained, Backend backend, CheckpointAnnex? annex = null)
    {
        var state = new TrainingState(_start.Value, [.. clients.Select(ClientState.Of)], annex?.State);
        var metadata = new Dictionary<string, string> { [StateKey] = JsonSerializer.Serialize(state, TrainingStateJson.Default.TrainingState) };
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        var buffers = Buffers(trained, annex?.Buffers);
        using var writer = SafetensorsWriter.Create(
            path, [.. buffers.Select(b => new SafetensorsDeclaration(b.Name, "F32", [b.Values.Count]))], metadata);
        foreach (var (_, values) in buffers)
        {
            foreach (var block in Blocks(values))
            {
                var host = new float[block.Count];
                backend.Download<float>(block, host);
                writer.Write(host);
            }
        }

        writer.Complete();
    }

    /// <summary>Puts everything back if the file is there; refuses a file of another run.</summary>
    /// <param name="clients">Where they stand.</param>
    /// <param name="trained">Their values and moments.</param>
    /// <param name="backend">Where those are.</param>
    /// <param name="annexed">The buffers of the annex.</param>
    /// <returns>The state of the annex; null if there is none, or no file.</returns>
    public string? Restore(TrainingClient[] clients, TrainedValues trained, Backend backend, IReadOnlyList<(string Name, TensorView Values)>? annexed = null)
    {
        if (!File.Exists(path)) return null;
        using var file = SafetensorsFile.Open(path);
        var state = Read(file);
        if (state.Clients.Length != clients.Length) throw Mismatch($"{clients.Length} clients", $"{state.Clients.Length}");
        if (state.Start != _start.Value) throw Mismatch($"a checkpoint of this start ({_start.Value})", $"one of {state.Start}");
        foreach (var (client, saved) in clients.Zip(state.Clients))
        {
            if (saved.Run != ClientState.Of(client).Run) throw Mismatch($"a checkpoint of this run ({ClientState.Of(client).Run})", $"one of {saved.Run}");
        }

        foreach (var (name, values) in Buffers(trained, annexed))
        {
            if (!file.Entries.TryGetValue(name, out var entry) || entry.Shape is not [var count] || count != values.Count)
                throw Mismatch($"{values.Count} {name}", file.Entries.ContainsKey(name) ? "another count" : "none");
            long first = 0;
            foreach (var block in Blocks(values))
            {
                var host = new float[block.Count];
                file.Read(name, first, host);
                backend.Upload<float>(host, block);
                first += block.Count;
            }
        }

        foreach (var (client, saved) in clients.Zip(state.Clients))
            client.Restore(saved.Step, saved.MicroStep, saved.Position, saved.Tokens, saved.Diverged, saved.Losses);
        trained.Publish?.Invoke();
        return state.Annex;
    }

    /// <summary>The error of a file that is of another run.</summary>
    public InvalidInputException Mismatch(string expected, string got) => new(path, expected, got);

    /// <summary>Adapters, as a hash of all their values.</summary>
    public static string HashOf(IEnumerable<AdapterWeights> adapters)
    {
        var hash = new ContentHash();
        foreach (var (id, factors) in adapters.SelectMany(adapter => adapter.Modules.OrderBy(m => m.Key)))
        {
            hash.Add(id.Index);
            hash.Add(factors.Rank);
            hash.Add<float>([factors.Scaling]);
            hash.Add<float>(factors.A);
            hash.Add<float>(factors.B);
        }

        return hash.ToString();
    }

    private static (string Name, TensorView Values)[] Buffers(
        TrainedValues trained, IReadOnlyList<(string Name, TensorView Values)>? annexed) =>
        [("values", trained.Flat.Values), ("first_moments", trained.Flat.FirstMoments), ("second_moments", trained.Flat.SecondMoments), .. annexed ?? []];

    private static IEnumerable<TensorView> Blocks(TensorView values)
    {
        const int Block = 1 << 20;
        for (int first = 0; first < values.Rows; first += Block) yield return values.Slice(first, Math.Min(Block, values.Rows - first));
    }

    private TrainingState Read(SafetensorsFile file)
    {
        if (!file.Metadata.TryGetValue(StateKey, out string? json)) throw Mismatch("a training checkpoint", "another safetensors file");
        try
        {
            return JsonSerializer.Deserialize(json, TrainingStateJson.Default.TrainingState) ?? throw Mismatch("a training state", "null");
        }
        catch (JsonException e)
        {
            throw new InvalidInputException(path, "a training state", e.Message, e);
        }
    }
}

/// <summary>What a run keeps beside what it trains.</summary>
/// <param name="State">In any form of its own.</param>
/// <param name="Buffers">Flat f32 buffers by name.</param>
internal sealed record CheckpointAnnex(string State, IReadOnlyList<(string Name, TensorView Values)> Buffers);

/// <summary>
/// Where every client of a wave stands; <paramref name="Start"/> is what they started from, which must not change on resume, <paramref name="Annex"/>
/// what the run keeps beside them.
/// </summary>
internal sealed record TrainingState(string Start, ClientState[] Clients, string? Annex = null);

/// <summary>Where one client stands; <paramref name="Run"/> names its data, seed and options, which must not change on resume.</summary>
internal sealed record ClientState(string Run, int Step, int MicroStep, long Position, long Tokens, bool Diverged, double[] Losses)
{
    public static ClientState Of(TrainingClient c) => new(
        FormattableString.Invariant($"client {c.Id}, {c.Examples.Count} examples {c.DataHash}, {c.TotalSteps} steps, seed {c.Seed}, batch {c.Options.BatchSize}x{c.Options.GradientAccumulation}, rate {c.Options.LearningRate} {c.Options.Schedule} {c.Options.WarmupSteps}, decay {c.Options.WeightDecay}, clip {c.Options.GradClip}, dropout {c.Options.Dropout}, mu {c.Options.ProximalMu}, {(c.Options.Shuffle ? "shuffled" : "in order")}"),
        c.Step, c.MicroStep, c.Order.Position, c.Tokens, c.Diverged, [.. c.Losses]);
}

/// <summary>Source-generated JSON of <see cref="TrainingState"/>.</summary>
[JsonSourceGenerationOptions(NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals)]
[JsonSerializable(typeof(TrainingState))]
internal sealed partial class TrainingStateJson : JsonSerializerContext;
