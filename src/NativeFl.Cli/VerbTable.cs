using NativeFl.Cli.Verbs;

namespace NativeFl.Cli;

/// <summary>Every verb, in the order --help lists them.</summary>
internal static class VerbTable
{
    public static IReadOnlyList<Verb> All =>
    [
        QuickstartVerb.Verb, InfoVerb.Verb, LogitsVerb.Verb, PretrainVerb.Verb, TrainVerb.Verb, FederateVerb.Verb, AggregateVerb.Verb, MergeVerb.Verb, ScoreVerb.Verb, DropVerb.Verb,
        RefineClusterVerb.Verb, RefineValueVerb.Verb, RefineSelectVerb.Verb, RefineClientsVerb.Verb, EvalVerb.Verb, GenerateVerb.Verb,
    ];

    /// <summary>One line for --help of every word that several verbs begin with.</summary>
    public static IReadOnlyDictionary<string, string> Groups => new Dictionary<string, string>
    {
        ["refine"] = "Find out what records and clients are worth, and choose by it",
    };
}
