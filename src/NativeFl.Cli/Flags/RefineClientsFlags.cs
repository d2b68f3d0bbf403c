using NativeFl.Federation;

namespace NativeFl.Cli.Flags;

/// <summary>The flags of refine clients: whose adapters, in which game, and at what cost.</summary>
internal static class RefineClientsFlags
{
    /// <summary>Passes over the validation records unless told otherwise: all coalitions of ten clients.</summary>
    public const int DefaultBudget = 1024;

    public static Flag<IReadOnlyList<string>> Adapters { get; } = new("--adapters", FlagTypes.Folders, [], "the clients' PEFT folders") { IsRequired = true };

    public static Flag<IReadOnlyList<double>> Weights { get; } = new(
        "--weights", FlagTypes.Numbers("finite and not negative", v => v >= 0), [], "one weight an adapter, such as its number of examples [equal]");

    public static Flag<string> Start { get; } = new(
        "--start", FlagTypes.Folder, "", "the PEFT adapter that all of them started from: they are worth what they changed of it [nothing: B = 0]");

    public static Flag<IReadOnlyList<string>> Validation { get; } = new(
        "--validation", FlagTypes.Files, [], "records that values are measured on; not what the clients trained on, nor what is evaluated later")
    { IsRequired = true };

    public static Flag<string> Game { get; } = new(
        "--game", FlagTypes.Choice([.. ClientGames.Names]), "fixed", "weights as given, weights over those who are there, or both [fixed]");

    public static Flag<int> Budget { get; } = new(
        "--budget", FlagTypes.Int(1), DefaultBudget, "what values may take, in passes over the validation records with all adapters [1024]");

    public static Flag<string> Estimator { get; } = ClientValueFlags.Estimator with { Name = "--estimator" };

    /// <summary>All of them.</summary>
    public static IReadOnlyList<IFlag> All => [Adapters, Weights, Start, Validation, Game, Budget, Estimator, FederationFlags.Renormalize, .. DataFlags.Prompt];
}
