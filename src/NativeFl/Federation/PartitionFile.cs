using System.Text.Json;
using NativeFl.Data;
using NativeFl.Models;

namespace NativeFl.Federation;

/// <summary>
/// Who had what and which seeds, so that every client of a round can be trained again by hand:
/// {"seed", "rounds", "clients": [{"id", "rank", "alpha", "seeds": [one a round], "records": [record ids in the client's order]}]}. A client
/// that goes without sublayers has their layers in "drop_attn_list" and "drop_mlp_list" too.
/// </summary>
public static class PartitionFile
{
    /// <summary>Writes the file's one JSON object.</summary>
    /// <param name="stream">Where to.</param>
    /// <param name="options">The run.</param>
    /// <param name="clients">Who, with what each trains on.</param>
    /// <param name="examples">The data of all clients.</param>
    /// <param name="unrefined">
    /// Where clients chose among their own records: with all of them. The file then has those, and "kept", how many the client trains on; which is
    /// the client's own business.
    /// </param>
    public static void Write(
        Stream stream, FederationOptions options, IReadOnlyList<ClientSpecification> clients, IReadOnlyList<TokenizedExample> examples,
        IReadOnlyList<ClientSpecification>? unrefined = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(clients);
        ArgumentNullException.ThrowIfNull(examples);
        using var json = new Utf8JsonWriter(stream, new JsonWriterOptions { Indented = true });
        json.WriteStartObject();
        json.WriteNumber("seed", options.Seed);
        json.WriteNumber("rounds", options.Rounds);
        json.WriteStartArray("clients");
        foreach (ClientSpecification client in clients)
        {
            ClientSpecification? all = unrefined?.FirstOrDefault(c => c.Id == client.Id);
            Write(json, options, all is null ? client : client with { Examples = all.Examples }, examples, all is null ? null : client.Examples.Count);
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void Write(
        Utf8JsonWriter json, FederationOptions options, ClientSpecification client, IReadOnlyList<TokenizedExample> examples, int? kept)
    {
        json.WriteStartObject();
        json.WriteNumber("id", client.Id);
        json.WriteNumber("rank", client.Rank);
        json.WriteNumber("alpha", client.Alpha);
        if (client.Dropped.Count > 0)
        {
            Write(json, DroppedSublayers.AttentionKey, client, SublayerKind.Attention);
            Write(json, DroppedSublayers.MlpKey, client, SublayerKind.Mlp);
        }

        json.WriteStartArray("seeds");
        for (int round = 1; round <= options.Rounds; round++) json.WriteNumberValue(options.SeedOf(round, client.Id));
        json.WriteEndArray();
        if (kept is { } count) json.WriteNumber("kept", count);
        json.WriteStartArray("records");
        foreach (string id in client.Examples.SelectMany(index => examples[index].Records).Distinct()) json.WriteStringValue(id);
        json.WriteEndArray();
        json.WriteEndObject();
    }
    private static void Write(Utf8JsonWriter json, string key, ClientSpecification client, SublayerKind kind)
    {
        json.WriteStartArray(key);
        foreach (Sublayer sublayer in client.Dropped.Sublayers.Where(s => s.Kind == kind)) json.WriteNumberValue(sublayer.Layer);
        json.WriteEndArray();
    }
}
