using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using NativeFl.Data;
using NativeFl.Federation;
using NativeFl.Finetuning;
using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.Cli.Quickstart;

/// <summary>Runs the quickstart's federations, one after another, from one base, one partition and one seed.</summary>
internal sealed class QuickstartRun
{
    private const ulong PartitionStream = 0x9A27;

    private readonly VerbRun _run;
    private readonly QuickstartPlan _plan;
    private readonly Transformer _base;
    private readonly QuickstartHeldOut _heldOut;
    private readonly IReadOnlyList<TokenizedExample> _examples;
    private readonly int[][] _partition;

    public QuickstartRun(
        VerbRun run, QuickstartPlan plan, Transformer baseModel, QuickstartHeldOut heldOut, IReadOnlyList<TokenizedExample> examples)
    {
        (_run, _plan, _base, _heldOut, _examples) = (run, plan, baseModel, heldOut, examples);
        _partition = DataPartition.Dirichlet(
            [.. examples.Select(e => e.Fields["category"])], QuickstartPlan.Clients, QuickstartPlan.DirichletAlpha, QuickstartPlan.MinimumExamples,
            Philox.Derive(run.Seed, PartitionStream));
    }

    /// <summary>How many examples each client has.</summary>
    public IReadOnlyList<int> ClientSizes => [.. _partition.Select(p => p.Length)];

    /// <summary>Runs one federation; with a folder, its adapters, partition and final model are kept there.</summary>
    public QuickstartResult Train(QuickstartArm arm, string? folder)
    {
        long started = Stopwatch.GetTimestamp();
        using Transformer model = _base.Clone();
        var options = new FederationOptions
        {
            Method = arm.Method,
            Rounds = _plan.Rounds,
            Seed = _run.Seed,
            Training = _plan.ClientTraining,
        };
        IReadOnlyList<ClientSpecification> clients = ClientSpecification.Create(_partition, arm.Ranks, scaling: QuickstartPlan.Scaling);
        using var observer = new Observer(_run, arm.Name, _plan.Layers, folder);
        var federation = new FederatedRun(model, options, clients, _examples, observer);
        FederationResult result = federation.Run(
            server => _heldOut.Measure(server, federation.State.Round == 0 || federation.State.Round == _plan.Rounds, _run.Cancellation), _run.Cancellation);
        if (folder is not null)
        {
            using (FileStream stream = File.Create(Path.Combine(folder, "partition.json")))
                PartitionFile.Write(stream, options, federation.Clients, _examples);
            federation.Model.Merge(DType.F32);
            model.Save(Directory.CreateDirectory(Path.Combine(folder, "model")).FullName, DType.F32, Path.Combine(folder, "base"));
        }

        return new QuickstartResult(arm, result, Stopwatch.GetElapsedTime(started).TotalSeconds);
    }

    /// <summary>Shows progress and keeps the adapters of the rounds.</summary>
    private sealed class Observer(VerbRun run, string name, int layers, string? folder) : IFederationObserver, IDisposable
    {
        private RoundProgress? _progress;

        public void OnRoundStarted(int round, IReadOnlyList<ClientSpecification> clients)
        {
            _progress?.Dispose();
            _progress = new RoundProgress(run, name + ", round " + round.ToString(CultureInfo.InvariantCulture));
        }

        public ITrainingObserver? TrainingObserver(int round) => _progress;

        public void OnWarning(string message) => run.Warn($"{name}: {message}");

        public void OnRoundEnded(RoundArtefacts artefacts)
        {
            _progress?.Dispose();
            if (folder is null) return;
            string round = Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"round-{artefacts.Result.Round:00}"));
            var settings = new AdapterSettings { BaseModel = "base", LayerCount = layers };
            foreach ((int id, AdapterWeights adapter) in artefacts.Clients)
                AdapterFolder.Save(Path.Combine(round, string.Create(CultureInfo.InvariantCulture, $"client-{id:00}")), adapter, settings);
            if (artefacts.Global is { } global) AdapterFolder.Save(Path.Combine(round, "global"), global, settings);
        }

        public void Dispose() => _progress?.Dispose();
    }

    /// <summary>A run as --json and metrics.jsonl write it.</summary>
    public static JsonObject Json(QuickstartResult result) => new()
    {
        ["name"] = result.Arm.Name,
        ["method"] = result.Arm.Method.Name,
        ["ranks"] = JsonOutput.Integers(result.Arm.Ranks),
        ["losses"] = JsonOutput.Numbers(result.Losses),
        ["loss_stderr"] = JsonOutput.Numbers(result.LossErrors),
        ["final"] = FederationJson.Evaluation(result.Final),
        ["upload_bytes"] = result.UploadBytes,
        ["download_bytes"] = result.DownloadBytes,
        ["exactness"] = JsonOutput.Numbers(result.Federation.Rounds.Select(r => r.Exactness ?? double.NaN)),
        ["rounding"] = JsonOutput.Numbers(result.Federation.Rounds.Select(r => r.Rounding ?? double.NaN)),
        ["seconds"] = JsonOutput.Number(Math.Round(result.Seconds, 2)),
    };
}
