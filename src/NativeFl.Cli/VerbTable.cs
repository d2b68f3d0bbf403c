using NativeFl.Cli.Verbs;

namespace NativeFl.Cli;

/// <summary>Every verb, in the order --help lists them.</summary>
internal static class VerbTable
{
    public static IReadOnlyList<Verb> All =>
    [
        QuickstartVerb.Verb, InfoVerb.Verb, LogitsVerb.Verb, PretrainVerb.Verb, TrainVerb.Verb, FederateVerb.Verb, AggregateVerb.Verb, MergeVerb.Verb, ScoreVerb.Verb, DropVerb.Verb,
        EvalVerb.Verb, GenerateVerb.Verb,
    ];
}
