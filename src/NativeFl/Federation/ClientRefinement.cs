using System.Globalization;
using NativeFl.Data;
using NativeFl.DataRefinement;
using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.Federation;

/// <summary>
/// Clients that choose among their own records before the first round, each by itself: every tenth of its records measures, the others are put into
/// clusters, valued and selected from (<see cref="PoolRefiner"/>). Nothing leaves a client but how many records it kept.
/// </summary>
public sealed record ClientRefinement
{
    /// <summary>Fewer records than this are all kept: there is nothing to choose from, or to measure on.</summary>
    public const int FewestRecords = 8;

    private const int MeasuredOneIn = 10;

    /// <summary>What <see cref="Parse"/> takes for the method.</summary>
    public static IReadOnlyList<string> Methods { get; } = ["qocs", "qwcs"];

    /// <summary>qocs or qwcs.</summary>
    public required string Method { get; init; }

    /// <summary>Records that a client keeps at most, from 1 on; below 1, the share of its records that it keeps.</summary>
    public required double Count { get; init; }

    /// <summary>Reads METHOD:COUNT.</summary>
    /// <param name="text">Such as "qocs:200" or "qwcs:0.25".</param>
    /// <param name="source">What an error calls it.</param>
    /// <exception cref="InvalidInputException">It is something else.</exception>
    public static ClientRefinement Parse(string text, string source)
    {
        ArgumentNullException.ThrowIfNull(text);
        string[] parts = text.Split(':');
        bool isOne = parts.Length == 2 && Methods.Contains(parts[0])
            && double.TryParse(parts[1], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double count)
            && (count is > 0 and < 1 || (count >= 1 && count <= int.MaxValue && count == Math.Floor(count)));
        return isOne
            ? new ClientRefinement { Method = parts[0], Count = double.Parse(parts[1], CultureInfo.InvariantCulture) }
            : throw new InvalidInputException(source, $"METHOD:COUNT, METHOD one of {string.Join(", ", Methods)}, COUNT records or a share below 1", $"'{text}'");
    }

    /// <summary>The clients with the records that each keeps; the same whenever it is asked.</summary>
    /// <param name="model">The base that they are sent first; it is not changed.</param>
    /// <param name="options">The federation.</param>
    /// <param name="clients">Who, with all their records.</param>
    /// <param name="examples">The data of all clients.</param>
    /// <param name="onClient">Told after every client: (clients done, clients in all).</param>
    /// <param name="cancellation">Polled all along.</param>
    /// <exception cref="RunFailedException">A client's training diverged.</exception>
    public IReadOnlyList<ClientSpecification> Apply(
        Transformer model, FederationOptions options, IReadOnlyList<ClientSpecification> clients, IReadOnlyList<TokenizedExample> examples,
        Action<int, int>? onClient = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(clients);
        ArgumentNullException.ThrowIfNull(examples);
        var kept = new List<ClientSpecification>();
        foreach (ClientSpecification client in clients)
        {
            cancellation.ThrowIfCancellationRequested();
            bool chooses = client.Rank > 0 && client.Examples.Count >= FewestRecords;
            kept.Add(chooses ? client with { Examples = Choose(model, options, client, examples, cancellation) } : client);
            onClient?.Invoke(kept.Count, clients.Count);
        }

        return kept;
    }

    private int[] Choose(
        Transformer model, FederationOptions options, ClientSpecification client, IReadOnlyList<TokenizedExample> examples, CancellationToken cancellation)
    {
        int step = Math.Min(MeasuredOneIn, client.Examples.Count / 2);
        int[] pool = [.. client.Examples.Where((_, i) => i % step != step - 1)];
        TokenizedExample[] validation = [.. client.Examples.Where((_, i) => i % step == step - 1).Select(i => examples[i])];
        int count = Count >= 1 ? (int)Count : Math.Max(1, (int)Math.Round(Count * client.Examples.Count));
        if (count >= pool.Length) return pool;
        using Transformer view = model.Without(client.Dropped);
        var refiner = new PoolRefiner(view, new PoolRefinerOptions
        {
            InRun = new InRunOptions
            {
                Lora = options.Lora with { Rank = client.Rank, Alpha = client.Alpha },
                Training = options.Training with { Dropout = 0, ProximalMu = 0, Epochs = client.Epochs ?? options.Training.Epochs },
                Seed = options.SeedOf(0, client.Id),
            },
        });
        RefinedPool refined = refiner.Refine([.. pool.Select(i => examples[i])], validation, count, Selection, cancellation);
        return [.. refined.Selected.Select(place => pool[place])];
    }

    private IRecordSelection Selection(IReadOnlyList<double> values) =>
        Method == "qocs" ? new QualityOrderedClusterSampling(values) : new QualityWeightedClusterSampling(values, factor: 1);
}
