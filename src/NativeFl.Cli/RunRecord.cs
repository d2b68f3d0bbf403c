using System.Text.Json.Nodes;
using NativeFl.Cli.Flags;
using NativeFl.Models;

namespace NativeFl.Cli;

/// <summary>run.json: how the folder it lies in came to be, and what came out.</summary>
internal static class RunRecord
{
    /// <summary>Its name.</summary>
    public const string FileName = "run.json";

    /// <summary>Writes the record of a run that is done.</summary>
    public static void Write(string folder, VerbRun run, JsonObject results) =>
        AtomicFile.WriteText(Path.Combine(folder, FileName), JsonOutput.Write(Create(run, results), indented: true) + "\n");

    /// <summary>The flags that were given, and the seed, as a recipe that does the same again; what only concerns this terminal is left out.</summary>
    public static JsonObject Recipe(FlagValues flags) => Members(flags, flag => flags.Has(flag) || flag.Name == SharedFlags.Seed.Name);

    /// <summary>The flags that were not given, at their defaults.</summary>
    public static JsonObject Defaults(FlagValues flags) => Members(flags, flag => !flags.Has(flag) && flag.Name != SharedFlags.Seed.Name);

    private static JsonObject Create(VerbRun run, JsonObject results) => new()
    {
        ["verb"] = run.Verb.Name,
        ["version"] = ProductVersion.Text,
        ["device"] = run.Backend.DeviceName,
        ["blas"] = run.Get(SharedFlags.Blas),
        ["seed"] = run.Seed,
        ["started"] = run.Clock.StartedAt,
        ["seconds"] = run.Clock.Seconds,
        ["recipe"] = Recipe(run.Flags),
        ["defaults"] = Defaults(run.Flags),
        ["results"] = results.DeepClone(),
    };

    private static JsonObject Members(FlagValues flags, Func<IFlag, bool> isWanted)
    {
        var recipe = new JsonObject();
        foreach (IFlag flag in flags.Flags)
        {
            if (flag.Name == SharedFlags.Recipe.Name || flag.Name == SharedFlags.Json.Name || flag.Name == SharedFlags.Quiet.Name) continue;
            if (!isWanted(flag)) continue;
            if (flag.ToJson(flags) is { } value) recipe[RecipeFile.MemberOf(flag.Name)] = value;
        }

        return recipe;
    }
}
