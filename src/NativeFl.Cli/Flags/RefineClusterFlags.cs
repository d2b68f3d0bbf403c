using NativeFl.Tensors;

namespace NativeFl.Cli.Flags;

/// <summary>The flags that say how records become clusters.</summary>
internal static class RefineClusterFlags
{
    public static Flag<int> Clusters { get; } = new("--clusters", FlagTypes.Int(1, 1 << 24), 0, "how many, at most one a record") { IsRequired = true };

    public static Flag<string> Embedder { get; } = new(
        "--embedder", FlagTypes.Folder, "", "a sentence embedder of the BERT family, such as all-MiniLM-L6-v2, instead of --model");

    public static Flag<string> Method { get; } = new(
        "--method", FlagTypes.Choice("kmeans", "agglomerative"), "kmeans", "kmeans (by --seed) or agglomerative (Ward's, up to 8192 records) [kmeans]");

    public static Flag<int> Restarts { get; } = new("--restarts", FlagTypes.Int(1, 1 << 20), 3, "kmeans: how often it begins anew; the least inertia is kept [3]");

    /// <summary>How records become text and tokens.</summary>
    public static IReadOnlyList<IFlag> Prompt => [DataFlags.PromptField, DataFlags.AnswerField, DataFlags.Template, DataFlags.MaxLength];

    /// <summary>Refuses what would do nothing.</summary>
    public static void Check(VerbRun run)
    {
        if (run.Flags.Has(Restarts) && run.Get(Method) is not "kmeans" and string method)
            throw new InvalidInputException(run.Flags.Source(Restarts), "--method kmeans with it", method);
    }
}
