using NativeFl.Cli.Verbs;

namespace NativeFl.Cli;

/// <summary>Every verb, in the order --help lists them.</summary>
internal static class VerbTable
{
    public static IReadOnlyList<Verb> All => [InfoVerb.Verb];
}
