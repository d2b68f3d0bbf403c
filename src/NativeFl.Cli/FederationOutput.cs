using System.Globalization;
using System.Text.Json.Nodes;
using NativeFl.Federation;
using NativeFl.Finetuning;
using NativeFl.Models;

namespace NativeFl.Cli;

/// <summary>
/// Follows a federation and keeps its files: the adapters of every round, metrics.jsonl, and a checkpoint to resume from after every
/// round.
/// </summary>
internal sealed class FederationOutput : IFederationObserver, IDisposable
{
    private readonly VerbRun _run;
    private readonly string _folder;
    private readonly Transformer _model;
    private readonly AdapterSettings _settings;
    private readonly MetricsFile _metrics;
    private RoundProgress? _progress;

    /// <param name="run">The run.</param>
    /// <param name="folder">--out.</param>
    /// <param name="model">The base, as the rounds leave it.</param>
    /// <param name="settings">What the adapters' configurations say.</param>
    /// <param name="earlier">The rounds of the run that this one resumes.</param>
    public FederationOutput(VerbRun run, string folder, Transformer model, AdapterSettings settings, IEnumerable<JsonObject> earlier)
    {
        (_run, _folder, _model, _settings) = (run, folder, model, settings);
        Rounds = [.. earlier];
        _metrics = MetricsFile.Create(folder, Rounds);
    }

    /// <summary>Every round so far, as it is reported.</summary>
    public List<JsonObject> Rounds { get; }

    /// <inheritdoc/>
    public void OnRoundStarted(int round, IReadOnlyList<ClientSpecification> clients)
    {
        _progress?.Dispose();
        _progress = new RoundProgress(_run, string.Create(CultureInfo.InvariantCulture, $"round {round}"));
    }

    /// <inheritdoc/>
    public ITrainingObserver? TrainingObserver(int round) => _progress;

    /// <inheritdoc/>
    public void OnWarning(string message) => _run.Warn(message);

    /// <inheritdoc/>
    public void OnRoundEnded(RoundArtefacts artefacts)
    {
        _progress?.Dispose();
        RoundResult result = artefacts.Result;
        SaveAdapters(artefacts);
        JsonObject json = FederationJson.Round(result);
        ClientValueReport.AddTo(json, result.Values);
        Rounds.Add(json);
        _metrics.Write(json.DeepClone().AsObject());
        FederationResume.Save(_folder, artefacts.State, _model, Rounds);
        _run.Print(Line(result));
        foreach (JsonObject values in json["values"]?.AsArray().Select(v => v!.AsObject()) ?? [])
        {
            _run.Print(ClientValueReport.Title(values));
            _run.Print(ClientValueReport.Table("", values));
            if (ClientValueReport.Caveat(values) is { } caveat) _run.Print(caveat);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _progress?.Dispose();
        _metrics.Dispose();
    }

    private static string Line(RoundResult round)
    {
        double[] losses = [.. round.Clients.Select(c => c.Loss).OfType<double>()];
        string line = string.Create(CultureInfo.InvariantCulture, $"round {round.Round}: {round.Clients.Count} clients, ");
        line += losses.Length == 0 ? "no training loss" : $"mean training loss {Figures.Loss(losses.Average())}";
        if (round.Evaluation?.TryGetValue(HeldOutFigures.Loss, out double loss) == true)
            line += $", held-out {Figures.WithError(loss, round.Evaluation.TryGetValue(HeldOutFigures.LossError, out double error) ? error : null)}";
        if (round.Exactness is { } exactness) line += $", exactness {Figures.Scientific(exactness)}";
        if (round.Rounding is { } rounding) line += $", rounding {Figures.Scientific(rounding)}";
        return line + string.Create(CultureInfo.InvariantCulture, $", {round.Seconds:0.0} s");
    }

    private void SaveAdapters(RoundArtefacts artefacts)
    {
        string target = Path.Combine(_folder, string.Create(CultureInfo.InvariantCulture, $"round-{artefacts.Result.Round:00}"));
        if (artefacts.Clients.Count == 0 && artefacts.Global is null) return;
        using OutputFolder round = OutputFolder.Create(target, force: true);
        foreach ((int id, AdapterWeights adapter) in artefacts.Clients)
            AdapterFolder.Save(Path.Combine(round.WorkPath, string.Create(CultureInfo.InvariantCulture, $"client-{id:00}")), adapter, _settings);
        if (artefacts.Global is { } global) AdapterFolder.Save(Path.Combine(round.WorkPath, "global"), global, _settings);
        round.Commit();
    }
}
