using System.Globalization;
using System.Text.Json.Nodes;
using NativeFl.Data;
using NativeFl.DataRefinement;
using NativeFl.Reports;

namespace NativeFl.Cli;

/// <summary>What refine cluster says of its clusters.</summary>
internal static class ClusterReport
{
    private const int Shown = 20;

    /// <summary>Clusters by the ids of their records.</summary>
    public static ClusterFolder Folder(string method, string embedding, Clustering clustering, IReadOnlyList<DataRecord> records, bool isArray)
    {
        List<string>[] members = [.. clustering.Proxies.Select(_ => new List<string>())];
        for (int n = 0; n < records.Count; n++) members[clustering.Labels[n]].Add(records[n].Id);
        return new ClusterFolder
        {
            Method = method,
            Embedding = embedding,
            Inertia = clustering.Inertia,
            Clusters = [.. members.Select((ids, k) => new RecordCluster(records[clustering.Proxies[k]].Id, ids))],
            Records = records,
            IsArray = isArray,
        };
    }

    /// <summary>The result in numbers.</summary>
    public static JsonObject Json(ClusterFolder folder) => new()
    {
        ["method"] = folder.Method,
        ["embedding"] = folder.Embedding,
        ["records"] = folder.Records.Count,
        ["clusters"] = folder.Clusters.Count,
        ["inertia"] = JsonOutput.Number(folder.Inertia),
        ["smallest"] = folder.Clusters.Min(c => c.Members.Count),
        ["largest"] = folder.Clusters.Max(c => c.Members.Count),
    };

    /// <summary>The largest clusters.</summary>
    public static ReportTable Largest(ClusterFolder folder)
    {
        (RecordCluster Cluster, int Number)[] largest =
            [.. folder.Clusters.Select((cluster, k) => (cluster, k)).OrderByDescending(c => c.cluster.Members.Count).Take(Shown)];
        string caption = folder.Clusters.Count <= Shown ? "Clusters, the largest first" : $"The {Shown} largest clusters";
        return new ReportTable(caption, ["cluster", "records", "proxy"],
        [
            .. largest.Select(c => (IReadOnlyList<string>)
                [c.Number.ToString(CultureInfo.InvariantCulture), Figures.Count(c.Cluster.Members.Count), c.Cluster.Proxy]),
        ]);
    }

    /// <summary>report.html.</summary>
    public static HtmlReport Page(ClusterFolder folder, Clustering clustering, Embeddings embeddings)
    {
        int[] sizes = [.. folder.Clusters.Select(c => c.Members.Count).OrderDescending()];
        var report = new HtmlReport("Which records are alike");
        report.Paragraph(string.Create(
            CultureInfo.InvariantCulture,
            $"{folder.Records.Count} records in {folder.Clusters.Count} clusters ({folder.Method}, embedded by {folder.Embedding}, {embeddings.Width} numbers a record); inertia {clustering.Inertia:0.####}, the sum of squared distances to the clusters' means. The record nearest its cluster's mean is its proxy."));
        report.Chart(new LineChart
        {
            Title = "Sizes of the clusters, the largest first",
            XLabel = "cluster by size",
            YLabel = "records",
            IsFromZero = true,
            Series = [new PlotSeries("records", [.. sizes.Select((_, i) => (double)i)], [.. sizes.Select(size => (double)size)])],
        });
        return report.Table(Largest(folder));
    }
}
