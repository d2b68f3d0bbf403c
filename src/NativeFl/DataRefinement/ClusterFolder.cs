using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using NativeFl.Data;
using NativeFl.Models;
using NativeFl.Tensors;
using NativeFl.Tokenization;
using JsonFile = NativeFl.Models.JsonFile;

namespace NativeFl.DataRefinement;

/// <summary>
/// What refine cluster leaves behind: clusters.json, by id, and records.jsonl, every record as it was in the data and in its order, so that whatever
/// goes on from the folder needs no data file.
/// </summary>
public sealed record ClusterFolder
{
    /// <summary>The names of its two files.</summary>
    public const string ClustersFile = "clusters.json", RecordsFile = "records.jsonl";

    private const int LargestFile = 1 << 30;
    private const string ArrayFormat = "json", LinesFormat = "jsonl";

    /// <summary>How the records were put together: "kmeans", "agglomerative", or "none" where each is by itself.</summary>
    public required string Method { get; init; }

    /// <summary>What said how alike they are: "hidden-states", "embedder" or "none".</summary>
    public required string Embedding { get; init; }

    /// <summary>Σ over records of the squared distance to their cluster's mean.</summary>
    public required double Inertia { get; init; }

    /// <summary>Every record is in one of them.</summary>
    public required IReadOnlyList<RecordCluster> Clusters { get; init; }

    /// <summary>All records, in the order of the data; ids are unique.</summary>
    public required IReadOnlyList<DataRecord> Records { get; init; }

    /// <summary>Whether the data were JSON arrays, as what is chosen of them is then; else JSONL.</summary>
    public bool IsArray { get; init; }

    /// <summary>Every record as a cluster of its own.</summary>
    /// <param name="records">The records.</param>
    /// <param name="isArray">See <see cref="IsArray"/>.</param>
    public static ClusterFolder OfSingles(IReadOnlyList<DataRecord> records, bool isArray = false)
    {
        ArgumentNullException.ThrowIfNull(records);
        return new ClusterFolder
        {
            Method = "none",
            Embedding = "none",
            Inertia = 0,
            Clusters = [.. records.Select(record => new RecordCluster(record.Id, [record.Id]))],
            Records = records,
            IsArray = isArray,
        };
    }

    /// <summary>Writes both files into an existing folder.</summary>
    public void Write(string folder)
    {
        var clusters = new JsonArray([.. Clusters.Select(cluster => (JsonNode)new JsonObject
        {
            ["proxy"] = cluster.Proxy,
            ["members"] = new JsonArray([.. cluster.Members.Select(id => (JsonNode)id)]),
        })]);
        var json = new JsonObject { ["method"] = Method, ["embedding"] = Embedding, ["inertia"] = Inertia, ["format"] = IsArray ? ArrayFormat : LinesFormat, ["clusters"] = clusters };
        AtomicFile.Write(Path.Combine(folder, ClustersFile), stream => JsonFile.Write(json, stream));
        AtomicFile.Write(Path.Combine(folder, RecordsFile), WriteRecords);
    }

    /// <summary>Reads what <see cref="Write"/> wrote.</summary>
    /// <exception cref="InvalidInputException">A file is missing or no such thing, or a record is in no cluster or in two.</exception>
    public static ClusterFolder Read(string folder)
    {
        string path = Path.Combine(folder, ClustersFile);
        JsonFields fields = new(JsonFile.Read(path, LargestFile), path);
        IReadOnlyList<DataRecord> records = ReadRecords(Path.Combine(folder, RecordsFile));
        RecordCluster[] clusters = [.. Objects(fields, "clusters").Select(ReadCluster)];
        RequireEachOnce(path, clusters, records);
        return new ClusterFolder
        {
            Method = fields.OptionalString("method") ?? throw fields.Error("method", "a string"),
            Embedding = fields.OptionalString("embedding") ?? throw fields.Error("embedding", "a string"),
            Inertia = fields.Double("inertia"),
            Clusters = clusters,
            Records = records,
            IsArray = fields.OptionalString("format") switch
            {
                ArrayFormat => true,
                LinesFormat => false,
                _ => throw fields.Error("format", $"{ArrayFormat} or {LinesFormat}"),
            },
        };
    }

    private void WriteRecords(Stream stream)
    {
        var options = new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
        foreach (DataRecord record in Records)
        {
            using (var writer = new Utf8JsonWriter(stream, options))
            {
                writer.WriteStartObject();
                writer.WriteString("id", record.Id);
                writer.WritePropertyName("record");
                record.Fields.WriteTo(writer);
                writer.WriteEndObject();
            }

            stream.Write("\n"u8);
        }
    }

    private static DataRecord[] ReadRecords(string path)
    {
        // The id of a line is the record's; what lies inside is as it was in the data.
        if (!File.Exists(path)) throw new InvalidInputException(path, "the records of the clusters", "no such file");
        return [.. RecordReader.Read([path]).Select(line => line.Fields["record"] is JsonObject fields
            ? line with { Id = line.Text("id"), Fields = (JsonObject)fields.DeepClone() }
            : throw new InvalidInputException(line.Place, "a line {\"id\", \"record\"}", "another record"))];
    }

    private static RecordCluster ReadCluster(JsonFields fields) => new(
        fields.OptionalString("proxy") ?? throw fields.Error("proxy", "an id"),
        fields.OptionalStrings("members") ?? throw fields.Error("members", "a list of ids"));

    private static IEnumerable<JsonFields> Objects(JsonFields fields, string name)
    {
        if (fields.Json[name] is not JsonArray array) throw fields.Error(name, "a list of objects");
        return array.Select((item, i) => item is JsonObject json
            ? new JsonFields(json, fields.Source, FormattableString.Invariant($"{name}[{i}]."))
            : throw fields.Error(name, "a list of objects", "a list with " + JsonFields.Describe(item)));
    }

    private static void RequireEachOnce(string path, RecordCluster[] clusters, IReadOnlyList<DataRecord> records)
    {
        var left = records.Select(record => record.Id).ToHashSet(StringComparer.Ordinal);
        foreach (RecordCluster cluster in clusters)
        {
            foreach (string id in cluster.Members)
            {
                if (!left.Remove(id)) throw new InvalidInputException(path, $"every record of {RecordsFile} in one cluster", $"{Shown.Text(id)}, which is none or is in two");
            }

            if (!cluster.Members.Contains(cluster.Proxy, StringComparer.Ordinal))
                throw new InvalidInputException(path, "a proxy among its cluster's members", Shown.Text(cluster.Proxy));
        }

        if (left.Count > 0) throw new InvalidInputException(path, $"every record of {RecordsFile} in one cluster", $"{Shown.Text(left.First())} in none");
    }
}
