using System.Text.Json.Nodes;
using NativeFl.Federation;

namespace NativeFl.Cli;

/// <summary>A federation's numbers as federate --json and metrics.jsonl write them.</summary>
internal static class FederationJson
{
    /// <summary>{"round","clients":[…],"exactness","rounding","seconds","eval"}.</summary>
    public static JsonObject Round(RoundResult round) => new()
    {
        ["round"] = round.Round,
        ["clients"] = new JsonArray([.. round.Clients.Select(Client)]),
        ["exactness"] = Optional(round.Exactness),
        ["rounding"] = Optional(round.Rounding),
        ["seconds"] = JsonOutput.Number(Math.Round(round.Seconds, 3)),
        ["eval"] = Evaluation(round.Evaluation),
    };

    /// <summary>What was measured, or null.</summary>
    public static JsonObject? Evaluation(IReadOnlyDictionary<string, double>? figures) => figures is null
        ? null
        : new JsonObject(figures.Select(f => KeyValuePair.Create(f.Key, JsonOutput.Number(f.Value))));

    private static JsonObject Client(ClientRoundResult client)
    {
        var json = new JsonObject
        {
            ["id"] = client.Id,
            ["rank"] = client.Rank,
            ["examples"] = client.Examples,
            ["steps"] = client.Steps,
            ["loss"] = Optional(client.Loss),
            ["tokens"] = client.Tokens,
            ["seed"] = client.Seed,
            ["upload_bytes"] = client.UploadBytes,
            ["download_bytes"] = client.DownloadBytes,
        };
        if (client.Dropped) json["dropped"] = true;
        return json;
    }

    private static JsonNode? Optional(double? value) => value is { } number ? JsonOutput.Number(number) : null;
}
