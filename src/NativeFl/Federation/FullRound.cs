using System.Globalization;
using NativeFl.Data;
using NativeFl.Finetuning;
using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.Federation;

/// <summary>Trains a copy of the whole model on one client's examples.</summary>
internal delegate ClientUpdate WeightTraining(
    int round, Transformer copy, string id, IReadOnlyList<TokenizedExample> examples, TrainingOptions training, ulong seed,
    CancellationToken cancellation);

/// <summary>A round of <see cref="FullFineTuning"/>: one client after the other on its own copy of the model.</summary>
internal sealed class FullRound(
    Transformer model, FederationOptions options, IReadOnlyList<TokenizedExample> examples, WeightTraining train,
    Action<string> warn) : IRound
{
    /// <inheritdoc/>
    public RoundOutcome Run(int round, IReadOnlyList<ClientSpecification> selected, ServerState server, CancellationToken cancellation)
    {
        var average = new WeightAverage();
        var results = new List<ClientRoundResult>();
        foreach (ClientSpecification client in selected)
        {
            using Transformer copy = model.Clone();
            results.Add(Train(round, client, copy, cancellation));
            if (results[^1].Steps > 0 && !results[^1].Dropped) average.Add(client.Examples.Count, copy);
        }

        if (results.All(r => r.Dropped || r.Steps == 0)) throw new RunFailedException($"round {round}: every client diverged");
        average.WriteTo(model);
        return new RoundOutcome(server with { Round = round, BaseRound = round }, results, new Dictionary<int, AdapterWeights>());
    }

    private ClientRoundResult Train(int round, ClientSpecification client, Transformer copy, CancellationToken cancellation)
    {
        ulong seed = options.SeedOf(round, client.Id);
        TrainingOptions training = client.Epochs is { } epochs ? options.Training with { Epochs = epochs } : options.Training;
        TokenizedExample[] own = [.. client.Examples.Select(i => examples[i])];
        string id = client.Id.ToString(CultureInfo.InvariantCulture);
        ClientUpdate? update = own.Length == 0 ? null : train(round, copy, id, own, training, seed, cancellation);
        bool dropped = update is not null
            && (update.Diverged || !update.Losses.All(double.IsFinite) || !WeightAverage.IsFinite(copy));
        if (dropped) warn($"round {round}: client {client.Id} diverged after {update!.Steps} steps and is left out of the round");
        long bytes = sizeof(float) * model.Weights.ParameterCount;
        return new ClientRoundResult
        {
            Id = client.Id,
            Rank = 0,
            Examples = own.Length,
            Seed = seed,
            Steps = update?.Steps ?? 0,
            Tokens = update?.Tokens ?? 0,
            Loss = RoundLoss.Of(update),
            Dropped = dropped,
            UploadBytes = bytes,
            DownloadBytes = bytes,
        };
    }
}
