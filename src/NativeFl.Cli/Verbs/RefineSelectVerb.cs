using System.Text.Json.Nodes;
using NativeFl.Cli.Flags;
using NativeFl.DataRefinement;
using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.Cli.Verbs;

/// <summary>refine select: the records to fine-tune on, as they were in the data: a JSON array if it was one, else JSONL.</summary>
internal static class RefineSelectVerb
{
    public static Verb Verb => new(
        "refine select",
        "Choose records by the values of their clusters, or by a baseline, and write them as they were",
        [
            RefineSelectFlags.Values, RefineSelectFlags.Clusters, RefineSelectFlags.Method, RefineSelectFlags.Count, RefineSelectFlags.WeightFactor,
            DataFlags.OptionalModel, .. RefineClusterFlags.Prompt, OutputFlags.File,
        ],
        Run);

    private static JsonObject Run(VerbRun run)
    {
        RefineSelectFlags.Check(run);
        string path = OutputFile.Claim(run), values = run.Get(RefineSelectFlags.Values), method = run.Get(RefineSelectFlags.Method);
        string folder = Folder(run, values, run.Get(RefineSelectFlags.Clusters));
        int count = run.Get(RefineSelectFlags.Count);
        ClusterFolder clusters = ClusterFolder.Read(folder);
        if (count > clusters.Records.Count)
            throw new InvalidInputException(run.Flags.Source(RefineSelectFlags.Count), $"at most {clusters.Records.Count}, the number of records", $"{count}");
        RecordPool pool = RecordPool.Of(clusters);
        IReadOnlyList<int> chosen = SelectionInput.Of(run, method, values, clusters).Select(pool, count, run.Seed);
        HashSet<int> set = [.. chosen];
        int touched = pool.Clusters.Count(cluster => cluster.Any(set.Contains));
        OutputFile.MakeParent(path);
        IEnumerable<string> records = chosen.Order().Select(n => JsonOutput.Write(clusters.Records[n].Fields));
        AtomicFile.WriteText(path, clusters.IsArray ? $"[\n{string.Join(",\n", records)}\n]\n" : string.Concat(records.Select(record => record + "\n")));
        run.Print($"{path}: {Figures.Count(chosen.Count)} of {Figures.Count(pool.Count)} records, from {Figures.Count(touched)} of {Figures.Count(pool.Clusters.Count)} clusters");
        return new JsonObject
        {
            ["method"] = method,
            ["records"] = chosen.Count,
            ["of"] = pool.Count,
            ["clusters"] = touched,
            ["ids"] = JsonOutput.Texts(chosen.Select(n => clusters.Records[n].Id)),
        };
    }

    private static string Folder(VerbRun run, string values, string clusters) => (values.Length > 0, clusters.Length > 0) switch
    {
        (true, false) => values,
        (false, true) => clusters,
        (true, true) => throw new InvalidInputException(run.Flags.Source(RefineSelectFlags.Values), "either --values or --clusters", "both"),
        _ => throw RefineSelectFlags.Values.Missing("what refine value wrote (or --clusters)"),
    };
}
