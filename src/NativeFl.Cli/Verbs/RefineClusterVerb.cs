using System.Text.Json.Nodes;
using NativeFl.Cli.Flags;
using NativeFl.Data;
using NativeFl.DataRefinement;
using NativeFl.Models;

namespace NativeFl.Cli.Verbs;

/// <summary>refine cluster: which records are alike, and which one stands for each cluster.</summary>
internal static class RefineClusterVerb
{
    public static Verb Verb => new(
        "refine cluster",
        "Put records into clusters by their embeddings, each with the record nearest its centre as proxy",
        [
            DataFlags.OptionalModel, RefineClusterFlags.Embedder, DataFlags.Data, RefineClusterFlags.Clusters, RefineClusterFlags.Method,
            RefineClusterFlags.Restarts, .. RefineClusterFlags.Prompt, OutputFlags.Folder,
        ],
        Run);

    private static JsonObject Run(VerbRun run)
    {
        RefineClusterFlags.Check(run);
        string embedder = run.Get(RefineClusterFlags.Embedder);
        if (embedder.Length == 0 && run.Get(DataFlags.OptionalModel).Length == 0)
            throw DataFlags.OptionalModel.Missing("the base, by which records are embedded (or --embedder)");
        int clusters = run.Get(RefineClusterFlags.Clusters);
        IReadOnlyList<DataRecord> records = RecordReader.Read(run.Get(DataFlags.Data), out bool areArrays);
        ClusterInput.RequireEnough(run, records, clusters);
        using OutputFolder output = OutputFolder.Create(run.Get(OutputFlags.Folder), run.Get(SharedFlags.Force));
        Embeddings embeddings = embedder.Length > 0 ? ClusterInput.Sentences(run, embedder, records) : HiddenStates(run, records);
        if (embedder.Length > 0 && run.Get(DataFlags.OptionalModel).Length > 0) run.Note("--model is not used: --embedder makes the embeddings");
        Clustering clustering = Cluster(run, embeddings, clusters);
        ClusterFolder folder = ClusterReport.Folder(run.Get(RefineClusterFlags.Method), embedder.Length > 0 ? "embedder" : "hidden-states", clustering, records, areArrays);
        JsonObject result = ClusterReport.Json(folder);
        folder.Write(output.WorkPath);
        ReportFile.Write(output.WorkPath, run, ClusterReport.Page(folder, clustering, embeddings));
        RunRecord.Write(output.WorkPath, run, result);
        output.Commit();
        run.Print(ClusterReport.Largest(folder));
        run.Print($"{run.Get(OutputFlags.Folder)}: {Figures.Count(records.Count)} records in {Figures.Count(clustering.Count)} clusters, inertia {Figures.Short(clustering.Inertia)}");
        return result;
    }

    private static Embeddings HiddenStates(VerbRun run, IReadOnlyList<DataRecord> records)
    {
        using ModelInput input = ModelInput.Open(run, run.Get(DataFlags.OptionalModel));
        return ClusterInput.HiddenStates(run, input, records);
    }

    private static Clustering Cluster(VerbRun run, Embeddings embeddings, int clusters)
    {
        if (run.Get(RefineClusterFlags.Method) == "agglomerative") return AgglomerativeClustering.Cluster(embeddings, clusters, run.Cancellation);
        var options = new KMeansOptions { Restarts = run.Get(RefineClusterFlags.Restarts), Seed = run.Seed };
        using var bar = new ProgressBar(run, "cluster");
        return new KMeans(run.Backend, options).Cluster(
            embeddings, clusters, (start, iteration, inertia) => bar.Report(start, options.Restarts, 0, $"iteration {iteration}, inertia {Figures.Short(inertia)}"), run.Cancellation);
    }
}
